// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Dockerfiles have such variables
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planBuild } from '../../src/host/builder/dockerfile.ts';
import { targetArchitecture } from '../../src/host/builder/dockerfile-variables.ts';

const plan = (...lines: string[]) => planBuild(lines.join('\n'));
const references = (...lines: string[]) => plan(...lines).references;

describe('Dockerfile', () => {
  test('base images get their full names', () => {
    assert.deepEqual(references('FROM python'), ['docker.io/library/python:latest']);
    assert.deepEqual(references('FROM user/app:1'), ['docker.io/user/app:1']);
    assert.deepEqual(references('from public.ecr.aws/lambda/microvms:al2023-minimal as base'), [
      'public.ecr.aws/lambda/microvms:al2023-minimal',
    ]);
    assert.deepEqual(references('FROM localhost:5000/a'), ['localhost:5000/a:latest']);
    const digest = `sha256:${'0'.repeat(64)}`;
    assert.deepEqual(references(`FROM alpine@${digest}`), [`docker.io/library/alpine@${digest}`]);
  });

  test('arguments before the first FROM are put in, also with defaults', () => {
    assert.deepEqual(references('ARG V=3.13', 'ARG TAG=${V}-slim', 'FROM python:$TAG'), [
      'docker.io/library/python:3.13-slim',
    ]);
    assert.deepEqual(references('ARG V', 'FROM python:${V:-3.12}'), ['docker.io/library/python:3.12']);
    assert.deepEqual(references('ARG V=1', 'FROM python:3${V:+-slim}'), ['docker.io/library/python:3-slim']);
    assert.deepEqual(references('FROM app:$TARGETARCH'), [`docker.io/library/app:${targetArchitecture}`]);
  });

  test('stages and scratch are no base images; images of COPY and RUN are', () => {
    const text = [
      'FROM golang:1 AS Build',
      'RUN --mount=type=bind,from=alpine:3,source=/etc,target=/x --mount=type=cache,target=/c true',
      'FROM scratch',
      'COPY --from=build /a /a',
      'COPY --from=0 /a /b',
      'COPY --from=busybox /bin/sh /sh',
      'FROM build',
    ];
    const { references, text: edited, stages } = plan(...text);
    assert.deepEqual(references, [
      'docker.io/library/golang:1',
      'docker.io/library/alpine:3',
      'docker.io/library/busybox:latest',
    ]);
    assert.match(edited, /^FROM docker.io\/library\/golang:1 AS Build\n/);
    assert.match(edited, /from=docker.io\/library\/alpine:3,source/);
    assert.match(edited, /COPY --from=docker.io\/library\/busybox:latest \/bin\/sh/);
    assert.match(edited, /\nFROM build$/);
    assert.deepEqual(
      stages.map(({ name, instructions }) => [name, instructions.length]),
      [
        ['Build', 2],
        [undefined, 4],
        [undefined, 1],
      ],
    );
  });

  test('flags that change nothing here are left out', () => {
    const { text, notes } = plan('FROM --platform=linux/arm64 a', 'COPY --link --chown=1:1 a b');
    assert.doesNotMatch(text, /platform|link/);
    assert.match(text, /COPY .*--chown=1:1 a b/);
    assert.match(notes[0]!, /Dockerfile:1: --platform=linux\/arm64/);
  });

  test('what cannot be done is said with its line', () => {
    const refused = (message: RegExp, ...lines: string[]) =>
      assert.throws(() => plan(...lines), { name: 'DockerfileRefused', message });
    refused(/^Dockerfile:3: COPY --parents/, 'FROM a', '# x', 'COPY --parents a b');
    refused(/^Dockerfile:2: RUN --security/, 'FROM a', 'RUN --security=insecure true');
    refused(/^Dockerfile:2: ADD --keep-git-dir is not supported/, 'FROM a', 'ADD --keep-git-dir=true a b');
    refused(/^Dockerfile:2: COPY --chwon is not/, 'FROM a', 'COPY --chwon=1 a b');
    for (const source of [
      'https://git.example.com/app.git#v1',
      'git@git.example.com:app.git',
      'ssh://host/app',
    ])
      refused(
        /^Dockerfile:3: ADD of a Git repository is not supported/,
        'FROM a',
        'RUN true',
        `ADD ${source} /src`,
      );
    refused(/^Dockerfile:1: there is no FROM/, '# nothing');
    refused(/^Dockerfile:1: the image name "\$NONE"/, 'FROM $NONE');
    refused(/^Dockerfile:1: .*no image name/, 'FROM a;b');
    refused(/^Dockerfile:2: .*no image name/, 'FROM a', 'COPY --from=oci:/etc x y');
  });

  test('flags that the builder knows, and ADD of what is no repository, pass', () => {
    plan(
      'FROM a AS b',
      'ADD --checksum=sha256:1 --chmod=644 https://example.com/app.git.tar.gz /x',
      'COPY --from=b --exclude=x --chown=1:1 a b',
      'RUN --network=none --mount=type=cache,target=/c true',
      'HEALTHCHECK --interval=1s --timeout=1s --start-period=1s --start-interval=1s --retries=2 CMD true',
      'HEALTHCHECK NONE',
    );
  });

  test('only steps of other users than root, and those that name sudo, may want to become root', () => {
    const needs = (...lines: string[]) => plan('FROM a AS first', ...lines).needsSetuid;
    assert.equal(needs('RUN true', 'USER app'), false);
    assert.equal(needs('USER app', 'USER root:root', 'RUN true', 'USER 0', 'RUN true'), false);
    assert.equal(needs('USER app', 'FROM a', 'RUN true'), false);
    assert.equal(needs('USER app', 'RUN true'), true);
    assert.equal(needs('USER $NAME', 'RUN true'), true);
    assert.equal(needs('USER app', 'FROM b', 'FROM FIRST', 'RUN true'), true);
    assert.equal(needs('USER app', 'FROM b', 'FROM 0', 'RUN true'), true);
    assert.equal(needs('USER app', 'FROM first AS second', 'USER root', 'FROM second', 'RUN true'), false);
    assert.equal(needs('RUN apt-get update && \\', '  sudo -u app make'), true);
    assert.equal(needs('RUN apt-get install sudoku', 'COPY sudo /'), false);
  });

  test('scripts in heredocs are handed to their interpreter', () => {
    assert.match(
      plan('FROM a', 'RUN --mount=type=cache,target=/c <<EOF', '#!/usr/bin/env python3', 'print(1)', 'EOF')
        .text,
      /RUN --mount=type=cache,target=\/c \/usr\/bin\/env python3 \/dev\/fd\/3 3<<'EOF'\n#!/,
    );
    const plain = 'FROM docker.io/library/a:latest\nRUN <<EOF\necho 1\nEOF\nRUN cat <<A >b\n#!/x\nA';
    assert.equal(planBuild(plain).text, plain);
  });
});

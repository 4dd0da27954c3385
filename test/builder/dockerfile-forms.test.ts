import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { createLab, type Lab, type LabBuild } from './lab/lab.ts';

const base = 'docker.io/library/debian:13-slim';

/** Each line under /out says what a form of the language did; the rest is looked up in the image's configuration. */
const dockerfile = `# syntax=docker/dockerfile:1
ARG FLAVOUR=slim
FROM debian:13-\${FLAVOUR} AS first
ARG WITH_DEFAULT=yes WITHOUT
ARG TARGETOS TARGETARCH BUILDPLATFORM
ENV A=1 B="two words" C=\${A}3
RUN mkdir /out && echo "\${WITH_DEFAULT:-no} [\${WITHOUT:-unset}] $TARGETOS $TARGETARCH $BUILDPLATFORM" > /out/arg \\
 # a comment between the lines
 && echo "$A|$B|$C" > /out/env
RUN ["sh", "-c", "echo exec form > /out/exec"]
SHELL ["/bin/bash", "-e", "-o", "pipefail", "-c"]
RUN [[ $BASH_VERSION ]] && echo bash > /out/shell
SHELL ["/bin/sh", "-c"]

RUN <<EOT
echo one > /out/heredoc
echo "two $A" >> /out/heredoc
EOT
RUN <<'EOT' cat > /out/quoted
$A stays
EOT
RUN <<EOT
#!/usr/bin/env perl
print "perl\\n"; open F, '>', '/out/interpreter'; print F "perl\\n";
EOT
COPY <<EOT /out/copied-text
from $B
EOT
COPY <<-A <<B /out/two/
	a
A
b
B

RUN --mount=type=bind,source=src,target=/ctx cat /ctx/a.txt > /out/bind
RUN --mount=type=bind,from=${base},source=/etc,target=/other test -f /other/debian_version && echo from > /out/bind-from
RUN --mount=type=cache,target=/cache,id=c,sharing=locked echo kept > /cache/x
RUN --mount=type=cache,target=/cache,id=c cat /cache/x > /out/cache
RUN --mount=type=tmpfs,target=/t,size=1m df -P /t | tail -1 | cut -d' ' -f1 > /out/tmpfs
RUN --mount=type=secret,id=none test ! -e /run/secrets/none && echo none > /out/secret
RUN --network=none cat /proc/net/route | wc -l > /out/network || true

FROM first AS second
WORKDIR /work
WORKDIR relative
RUN pwd > /out/workdir
COPY src/a.txt src/b.txt ./
COPY src/*.txt /out/glob/
COPY ["src/with space.md", "/out/space.md"]
COPY src /out/folder
COPY --chmod=4750 --chown=7:8 src/a.txt /out/chmod
COPY --exclude=**/*.txt src /out/excluded
COPY . /out/all
ADD src/archive.tar.gz /out/unpacked/

FROM second
LABEL a=b
ENV LAST=1
VOLUME /data
VOLUME ["/more"]
EXPOSE 80 53/udp
HEALTHCHECK --interval=5s CMD true
STOPSIGNAL SIGQUIT
RUN useradd -m worker
USER worker
RUN id -un > /tmp/who && cat /tmp/who
ENTRYPOINT exec sh -c "echo $LAST"
CMD ["x"]
`;

describe('what Dockerfiles may hold', () => {
  let lab: Lab;
  let built: LabBuild;

  before(async () => {
    lab = await createLab();
    built = await lab.build('forms', {
      Dockerfile: dockerfile,
      '.dockerignore': '# no secrets\nsecret*\n**/*.log\n!src/keep.log\n',
      'src/a.txt': 'a\n',
      'src/b.txt': 'b\n',
      'src/with space.md': 'space\n',
      'src/drop.log': 'x',
      'src/keep.log': 'keep\n',
      'secret.key': 'x',
      'src/archive.tar.gz': archive(),
    });
    assert.equal(built.error, undefined, built.log);
  });
  after(async () => {
    await lab.remove();
  });

  const debugfs = (request: string) =>
    execFileSync('debugfs', ['-R', request, built.image!.rootfs], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const read = (path: string) => debugfs(`cat ${path}`).trim();
  const names = (path: string) =>
    [...debugfs(`ls -p ${path}`).matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\//gm)]
      .map((match) => match[1]!)
      .filter((name) => !/^\.\.?$/.test(name))
      .sort();

  test('ARG, ENV and platform arguments', () => {
    const machine = process.arch === 'x64' ? 'amd64' : process.arch;
    assert.equal(read('/out/arg'), `yes [unset] linux ${machine} linux/${machine}`);
    assert.equal(read('/out/env'), '1|two words|3');
  });

  test('RUN in both forms, SHELL', () => {
    assert.equal(read('/out/exec'), 'exec form');
    assert.equal(read('/out/shell'), 'bash');
  });

  test('heredocs: scripts, input, interpreters, files', () => {
    assert.equal(read('/out/heredoc'), 'one\ntwo 1');
    assert.equal(read('/out/quoted'), '$A stays');
    assert.equal(read('/out/interpreter'), 'perl');
    assert.equal(read('/out/copied-text'), 'from two words');
    assert.deepEqual(names('/out/two'), ['A', 'B']);
    assert.equal(read('/out/two/A'), 'a');
  });

  test('RUN --mount: bind, cache, tmpfs, secret', () => {
    assert.equal(read('/out/bind'), 'a');
    assert.equal(read('/out/bind-from'), 'from');
    assert.equal(read('/out/cache'), 'kept');
    assert.equal(read('/out/tmpfs'), 'tmpfs');
    assert.equal(read('/out/secret'), 'none');
    assert.ok(!names('/').includes('cache') || names('/cache').length === 0);
  });

  test('COPY and ADD', () => {
    assert.deepEqual(names('/work/relative'), ['a.txt', 'b.txt']);
    assert.equal(read('/out/workdir'), '/work/relative');
    assert.deepEqual(names('/out/glob'), ['a.txt', 'b.txt']);
    assert.equal(read('/out/space.md'), 'space');
    assert.match(debugfs('stat /out/chmod'), /Mode:\s+04750.*User:\s+7\s+Group:\s+8/s);
    assert.deepEqual(names('/out/excluded'), ['archive.tar.gz', 'keep.log', 'with space.md']);
    assert.equal(read('/out/unpacked/inside'), 'packed');
  });

  test('.dockerignore', () => {
    assert.deepEqual(names('/out/folder'), ['a.txt', 'archive.tar.gz', 'b.txt', 'keep.log', 'with space.md']);
    assert.deepEqual(
      names('/out/all').filter((name) => name.startsWith('secret')),
      [],
    );
  });

  test('what is left for the container', () => {
    const { container } = built.image!;
    assert.deepEqual(container.entrypoint, ['/bin/sh', '-c', 'exec sh -c "echo $LAST"']);
    assert.deepEqual(container.cmd, ['x']);
    assert.equal(container.env.LAST, '1');
    assert.equal(container.env.B, 'two words');
    assert.equal(container.stopSignal, 'SIGQUIT');
    assert.equal(container.workingDir, '/work/relative');
    assert.equal(container.user.home, '/home/worker');
    assert.deepEqual(container.exposedPorts.sort(), ['53/udp', '80/tcp']);
    assert.ok(names('/').includes('data') && names('/').includes('more'));
    assert.ok(!names('/').includes('lost+found'));
    assert.match(built.log, /\d worker$/m);
  });
});

test('what cannot be done is said with its line, before anything is built', async () => {
  const lab = await createLab();
  try {
    for (const [text, line, reason] of [
      ['RUN --mount=type=ssh true', 3, /RUN --mount=type=ssh/],
      ['RUN --mount=type=secret,id=token,required true', 3, /secret "?token"?/],
      ['COPY --parents a b', 3, /COPY --parents/],
      ['RUN --security=insecure true', 3, /RUN --security/],
      ['RUNN true', 3, /unknown instruction RUNN/],
      ['COPY --from=neither/nor:1@sha256:1 a b', 3, /image name/],
    ] as const) {
      const { error, log } = await lab.build(`no-${lab.dir.length}-${Math.random()}`, {
        Dockerfile: `FROM ${base}\nRUN echo nothing yet\n${text}\n`,
      });
      assert.equal(error?.message, 'The container image build failed.', text);
      assert.match(log, new RegExp(`^ERROR: Dockerfile:${line}: `, 'm'), log);
      assert.match(log, reason);
      assert.doesNotMatch(log, /\] RUN/);
    }
  } finally {
    await lab.remove();
  }
});

/** A packed file named `inside`. */
function archive(): Buffer {
  return execFileSync('sh', [
    '-c',
    'd=$(mktemp -d) && echo packed >$d/inside && tar -C $d -cz inside && rm -r $d',
  ]);
}

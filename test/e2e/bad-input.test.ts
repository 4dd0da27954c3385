import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import {
  type BuildResult,
  buildLog,
  createImage,
  imageSettled,
  probeHooks,
  probeZip,
  put,
  zip,
} from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';
import { processesOf } from '../support/squib-processes.ts';

/** Mounts of the host that lie in a folder. */
function mountsIn(folder: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
}

describe('bad input is answered in words and leaves nothing behind', () => {
  let squib: TestSquib;
  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib?.remove());

  let number = 0;
  const build = async (uri: string, settings = {}): Promise<BuildResult> => {
    const arn = await createImage(squib, `bad-${number++}`, uri, settings);
    const result = await imageSettled(squib, arn);
    await assert.rejects(squib.clients.microvms.send(new RunMicrovmCommand({ imageIdentifier: arn })), {
      name: 'ResourceNotFoundException',
      message: `No active version found for MicroVM image ${arn}`,
    });
    return result;
  };
  const fails = async (expected: RegExp, uri: string, settings = {}) => {
    const { state, reason } = await build(uri, settings);
    assert.equal(state, 'CREATE_FAILED');
    assert.match(String(reason), expected);
    assert.deepEqual(readdirSync(squib.layout.builds), [], 'files of the build are left');
    assert.deepEqual(mountsIn(squib.config.dataDir), []);
    const left = processesOf(squib.layout.builds);
    assert.deepEqual(left, [], 'processes of the build are left');
  };

  test('a bucket that does not exist', () => fails(/^S3_NO_SUCH_BUCKET/, 's3://nobody-made-this/app.zip'));

  test('an object that does not exist', async () => {
    await put(squib, 'something.zip', Buffer.from('x'));
    await fails(/^S3_NO_SUCH_KEY/, 's3://artifacts/missing.zip');
  });

  test('a file that is not a zip', async () => {
    await fails(/^ARCHIVE_INVALID/, await put(squib, 'broken.zip', Buffer.from('this is not a zip')));
  });

  test('a zip without a Dockerfile at its root', async () => {
    const bytes = await zip({ 'app/Dockerfile': 'FROM scratch', 'readme.txt': 'x' });
    await fails(/^ARCHIVE_DOCKERFILE_NOT_FOUND/, await put(squib, 'nodockerfile.zip', bytes));
  });

  test('a Dockerfile whose RUN fails', async () => {
    const bytes = await zip({
      Dockerfile: 'FROM python:3.13-slim\nRUN echo before && exit 3\nCMD ["true"]\n',
    });
    await fails(/^The container image build failed\./, await put(squib, 'fails.zip', bytes));
  });

  test('a base image that cannot be had', async () => {
    const bytes = await zip({ Dockerfile: 'FROM registry.invalid/nothing:1\nCMD ["true"]\n' });
    await fails(/^The container image build failed\./, await put(squib, 'nobase.zip', bytes));
    const log = await buildLog(squib, `bad-${number - 1}`);
    assert.match(log, /registry\.invalid\/nothing/);
    assert.match(log, /mirrors/, 'the way out is not named');
  });

  test('an application that exits at once', async () => {
    const uri = await put(squib, 'probe.zip', await probeZip());
    await fails(/^Container Stopped with Exit Code: 3$/, uri, {
      hooks: probeHooks,
      environmentVariables: { PROBE_MODE: 'exit' },
    });
  });

  test('a /ready that never comes', async () => {
    const uri = await put(squib, 'probe.zip', await probeZip());
    await fails(/^Ready hook invocation timed out after PT5S$/, uri, {
      hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 5 } },
      environmentVariables: { PROBE_MODE: 'never-ready' },
    });
  });
});

// Code artifacts from an S3 service beside squib's own: a second squib.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';

const role = (name: string) => `arn:aws:iam::000000000000:role/${name}`;
/** Refused by the builder at once: that it was read shows in the log, and no machine has to start. */
const artifact = (mark: string) => zip({ Dockerfile: `FROM scratch\nFETCH ${mark}\n` });

describe('code artifacts of a bucket that squib does not keep', () => {
  let near: TestSquib;
  let far: TestSquib;
  const dir = mkdtempSync(join(tmpdir(), 'squib-keys-'));

  before(async () => {
    far = await TestSquib.start();
    const keys = (name: string, secret?: string) => {
      const { accessKeyId, secretAccessKey } = readRootCredential(far.layout.keys);
      const content = JSON.stringify({ accessKeyId, secretAccessKey: secret ?? secretAccessKey });
      writeFileSync(join(dir, name), content, { mode: 0o600 });
      return join(dir, name);
    };
    near = await TestSquib.start({
      artifacts: {
        endpoint: `http://127.0.0.1:${far.config.api.port}`,
        region: '',
        credentialsFile: keys('squib'),
      },
      roles: {
        [role('known')]: { credentialsFile: keys('known') },
        [role('stale')]: { credentialsFile: keys('stale', 'no-longer-the-secret') },
      },
    });
    await far.clients.s3.send(new CreateBucketCommand({ Bucket: 'far' }));
    const Body = await artifact('from-far');
    await far.clients.s3.send(new PutObjectCommand({ Bucket: 'far', Key: 'app.zip', Body }));
  });
  after(async () => {
    await near?.remove();
    await far?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  async function build(name: string, uri: string, buildRoleArn: string) {
    const arn = await createImage(near, name, uri, { buildRoleArn });
    const { state, reason } = await imageSettled(near, arn);
    assert.equal(state, 'CREATE_FAILED');
    return { reason: reason ?? '', log: await buildLog(near, name) };
  }

  test('come from the service that the configuration names, in the name of the build role or of squib', async () => {
    for (const name of ['known', 'other']) {
      const { reason, log } = await build(name, 's3://far/app.zip', role(name));
      assert.equal(reason, 'The container image build failed.');
      assert.match(log, /Dockerfile:2: unknown instruction FETCH/);
    }
  });

  test("squib's own buckets come first", async () => {
    const uri = await put(near, 'app.zip', await artifact('from-near'));
    assert.equal((await build('near', uri, role('stale'))).reason, 'The container image build failed.');
  });

  test('what the other service refuses, or does not have, has the code of AWS', async () => {
    const refused = await build('refused', 's3://far/app.zip', role('stale'));
    assert.match(refused.reason, /^S3_ACCESS_DENIED: s3:\/\/far\/app\.zip: /);
    const key = await build('key', 's3://far/none.zip', role('known'));
    assert.match(key.reason, /^S3_NO_SUCH_KEY: /);
    const bucket = await build('bucket', 's3://nowhere/app.zip', role('known'));
    assert.match(bucket.reason, /^S3_NO_SUCH_BUCKET: /);
  });
});

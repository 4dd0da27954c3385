// One squib's S3 in front of another's: the second stands for an S3 service outside of squib.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { ExternalS3 } from '../../src/aws/client/external-s3.ts';
import { ServiceError } from '../../src/errors/service-error.ts';
import { CREDENTIAL, failure, type Running, s3Client, start } from './harness.ts';
import { signedChunks } from './signed-chunks.ts';

const FAR = { accessKeyId: 'AKIAFARAWAY000000001', secretAccessKey: 'only-the-front-squib-knows-this' };

interface Pair {
  front: Running;
  far: Running;
  credentialsFile: string;
  external: ExternalS3;
}

async function pair(t: TestContext, options: Parameters<typeof start>[2] = {}): Promise<Pair> {
  const dir = mkdtempSync(join(tmpdir(), 'squib-keys-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const credentialsFile = join(dir, 'keys.json');
  writeFileSync(credentialsFile, JSON.stringify(FAR), { mode: 0o600 });
  const far = await start(
    t,
    {},
    {
      findCredential: (id) => (id === FAR.accessKeyId ? { ...CREDENTIAL, ...FAR } : undefined),
    },
  );
  const external = new ExternalS3({ endpoint: far.url, region: 'far-north-1', credentialsFile }, 'eu-test-1');
  t.after(() => external.close());
  const front = await start(t, {}, { externalS3: external, ...options });
  return { front, far, credentialsFile, external };
}

test('objects go to the other service and come back, whatever the form of the upload', async (t) => {
  const { front, far, external } = await pair(t);
  const s3 = s3Client(t, front);
  await s3.send(new CreateBucketCommand({ Bucket: 'apps' }));
  assert.deepEqual(front.store.buckets(), []);
  assert.equal(far.store.buckets()[0]?.name, 'apps');

  const Key = 'a folder/../ü+%2F&=.bin';
  const Body = randomBytes(300_000);
  const put = await s3.send(
    new PutObjectCommand({
      ...{ Bucket: 'apps', Key, Body, ContentType: 'image/squib', Metadata: { note: 'kept' } },
      ChecksumAlgorithm: 'SHA256',
    }),
  );
  assert.equal(far.store.headObject('apps', Key).size, Body.length, 'under the very key');
  assert.equal(put.ChecksumSHA256, createHash('sha256').update(Body).digest('base64'));

  const got = await s3.send(new GetObjectCommand({ Bucket: 'apps', Key }));
  assert.equal(got.ContentType, 'image/squib');
  assert.deepEqual(got.Metadata, { note: 'kept' });
  assert.ok(Body.equals(await got.Body!.transformToByteArray()));
  const part = await s3.send(new GetObjectCommand({ Bucket: 'apps', Key, Range: 'bytes=5-9' }));
  assert.deepEqual(Buffer.from(await part.Body!.transformToByteArray()), Body.subarray(5, 10));
  const head = await s3.send(new HeadObjectCommand({ Bucket: 'apps', Key }));
  assert.equal(head.ContentLength, Body.length);

  const read = await external.openObject('apps', Key);
  assert.equal(read.info.size, Body.length);
  const chunks: Buffer[] = [];
  for await (const chunk of read.stream()) chunks.push(chunk);
  assert.ok(Body.equals(Buffer.concat(chunks)));

  await s3.send(
    new CopyObjectCommand({ Bucket: 'apps', Key: 'copy', CopySource: `apps/${encodeURIComponent(Key)}` }),
  );
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'apps', Key: 'parts' }));
  const { ETag } = await s3.send(
    new UploadPartCommand({ Bucket: 'apps', Key: 'parts', UploadId, PartNumber: 1, Body: 'in parts' }),
  );
  await s3.send(
    new CompleteMultipartUploadCommand({
      ...{ Bucket: 'apps', Key: 'parts', UploadId },
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  );
  const list = await s3.send(new ListObjectsV2Command({ Bucket: 'apps' }));
  assert.deepEqual(
    list.Contents?.map((each) => each.Key),
    [Key, 'copy', 'parts'],
  );
  const gone = await s3.send(
    new DeleteObjectsCommand({ Bucket: 'apps', Delete: { Objects: [{ Key: 'copy' }, { Key: 'parts' }] } }),
  );
  assert.equal(gone.Deleted?.length, 2);
  const missing = await failure(s3.send(new GetObjectCommand({ Bucket: 'apps', Key: 'copy' })));
  assert.equal(missing.name, 'NoSuchKey');
  assert.equal(missing.$metadata.httpStatusCode, 404);
});

test('an upload signed piece by piece is verified here before it is complete there', async (t) => {
  const { front, far } = await pair(t);
  await s3Client(t, front).send(new CreateBucketCommand({ Bucket: 'tests' }));
  const chunks = [Buffer.from('first piece'), Buffer.from('last piece')];
  for (const trailer of [false, true]) {
    const forged = await signedChunks(front, chunks, trailer, (body) =>
      body.replace('last piece', 'LAST piece'),
    );
    assert.equal(forged.status, 403, forged.body);
    assert.throws(() => far.store.headObject('tests', 'chunked'), { name: 'NoSuchKey' });
  }
  for (const trailer of [false, true]) {
    assert.equal((await signedChunks(front, chunks, trailer)).status, 200);
    assert.equal(far.store.headObject('tests', 'chunked').size, 21);
  }
});

test("permissions are squib's own, and each key of a DeleteObjects counts", async (t) => {
  const { front, far } = await pair(t, {
    checkS3: (_caller, _operation, { key, keys = [] }) => {
      const refused = [key, ...keys].find((each) => each?.startsWith('secret'));
      if (refused) throw new ServiceError('AccessDenied', `not ${refused}`);
    },
  });
  const s3 = s3Client(t, front);
  await s3.send(new CreateBucketCommand({ Bucket: 'apps' }));
  await s3.send(new PutObjectCommand({ Bucket: 'apps', Key: 'open', Body: 'x' }));
  const put = await failure(s3.send(new PutObjectCommand({ Bucket: 'apps', Key: 'secret', Body: 'x' })));
  assert.equal(put.name, 'AccessDenied');
  const Objects = [{ Key: 'open' }, { Key: 'secret' }];
  const gone = await failure(s3.send(new DeleteObjectsCommand({ Bucket: 'apps', Delete: { Objects } })));
  assert.equal(gone.name, 'AccessDenied');
  assert.equal(far.store.headObject('apps', 'open').size, 1, 'nothing was deleted');
});

test("a service that refuses squib's keys, or does not answer, is named", async (t) => {
  const { front, far, credentialsFile } = await pair(t);
  const s3 = s3Client(t, front);
  writeFileSync(credentialsFile, JSON.stringify({ ...FAR, secretAccessKey: 'stale' }));
  const refused = await failure(s3.send(new ListBucketsCommand({})));
  assert.equal(refused.$metadata.httpStatusCode, 500);
  assert.match(refused.message, /refuses squib's own credentials \(SignatureDoesNotMatch/);
  writeFileSync(credentialsFile, JSON.stringify(FAR));
  await s3.send(new ListBucketsCommand({}));
  far.server.closeAllConnections();
  await new Promise((resolve) => far.server.close(resolve));
  const silent = await failure(s3.send(new ListBucketsCommand({})));
  assert.equal(silent.name, 'ServiceUnavailable');
  assert.match(silent.message, new RegExp(`${far.url} does not answer`));
});

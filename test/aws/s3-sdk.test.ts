import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import {
  AbortMultipartUploadCommand,
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketMetricsConfigurationsCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { ServiceError } from '../../src/errors/service-error.ts';
import { CREDENTIAL, failure, REGION, s3Client, start } from './harness.ts';

const MIB = 1024 * 1024;
const Bucket = 'tests';

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('S3 through the AWS SDK', () => {
  test('buckets: make, list, locate, remove', async (t) => {
    const client = s3Client(t, await start(t));
    await client.send(new CreateBucketCommand({ Bucket }));
    await client.send(
      new CreateBucketCommand({
        Bucket: 'other.one',
        CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
      }),
    );
    assert.equal(
      (await failure(client.send(new CreateBucketCommand({ Bucket })))).name,
      'BucketAlreadyOwnedByYou',
    );
    const list = await client.send(new ListBucketsCommand({}));
    assert.deepEqual(
      list.Buckets?.map((bucket) => bucket.Name),
      ['other.one', Bucket],
    );
    assert.equal((await client.send(new HeadBucketCommand({ Bucket }))).BucketRegion, REGION);
    const location = await client.send(new GetBucketLocationCommand({ Bucket: 'other.one' }));
    assert.equal(location.LocationConstraint, 'eu-west-1');
    await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    assert.equal((await failure(client.send(new DeleteBucketCommand({ Bucket })))).name, 'BucketNotEmpty');
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await client.send(new DeleteBucketCommand({ Bucket }));
    assert.equal(
      (await failure(client.send(new HeadBucketCommand({ Bucket })))).$metadata.httpStatusCode,
      404,
    );
    assert.equal(
      (await failure(client.send(new CreateBucketCommand({ Bucket: 'Bad_Name' })))).name,
      'InvalidBucketName',
    );
    assert.equal(
      (await failure(client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' })))).name,
      'NoSuchBucket',
    );
  });

  test('an object of several MiB streams in and out, with metadata and ranges', async (t) => {
    const running = await start(t);
    const client = s3Client(t, running);
    await client.send(new CreateBucketCommand({ Bucket }));
    const data = randomBytes(9 * MIB + 17);
    const pieces = Array.from({ length: 10 }, (_, i) => data.subarray(i * MIB, (i + 1) * MIB));
    const put = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'big/ü bin+%2F',
        Body: Readable.from(pieces),
        ContentLength: data.length,
        ContentType: 'application/x-thing',
        CacheControl: 'no-store',
        Metadata: { one: '1', two: 'zwei' },
      }),
    );
    assert.ok(put.ChecksumCRC32);
    assert.equal(put.ETag, `"${createHash('md5').update(data).digest('hex')}"`);
    const key = { Bucket, Key: 'big/ü bin+%2F' };
    const got = await client.send(new GetObjectCommand(key));
    assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
    assert.equal(sha256(await got.Body!.transformToByteArray()), sha256(data));
    assert.equal(got.ContentType, 'application/x-thing');
    assert.equal(got.CacheControl, 'no-store');
    assert.equal(got.ContentEncoding, undefined);
    assert.deepEqual(got.Metadata, { one: '1', two: 'zwei' });
    const head = await client.send(new HeadObjectCommand(key));
    assert.equal(head.ContentLength, data.length);
    for (const [Range, start, end] of [
      ['bytes=0-0', 0, 1],
      [`bytes=${MIB}-${2 * MIB}`, MIB, 2 * MIB + 1],
      ['bytes=-5', data.length - 5, data.length],
      [`bytes=${data.length - 1}-`, data.length - 1, data.length],
      ['bytes=5-999999999', 5, data.length],
    ] as const) {
      const part = await client.send(new GetObjectCommand({ ...key, Range }));
      assert.equal(part.$metadata.httpStatusCode, 206);
      assert.deepEqual(
        Buffer.from(await part.Body!.transformToByteArray()),
        data.subarray(start, end),
        Range,
      );
    }
    const beyond = await failure(
      client.send(new GetObjectCommand({ ...key, Range: `bytes=${data.length}-` })),
    );
    assert.equal(beyond.name, 'InvalidRange');
    assert.equal(beyond.$metadata.httpStatusCode, 416);
  });

  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as ChecksumAlgorithm[]) {
    test(`checksum ${ChecksumAlgorithm}: buffers, streams, wrong ones`, async (t) => {
      const running = await start(t);
      const client = s3Client(t, running);
      await client.send(new CreateBucketCommand({ Bucket }));
      const data = randomBytes(200_001);
      const Key = 'sum';
      for (const Body of [data, Readable.from([data.subarray(0, 7), data.subarray(7)])]) {
        await client.send(
          new PutObjectCommand({ Bucket, Key, Body, ContentLength: data.length, ChecksumAlgorithm }),
        );
        const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
        assert.ok(got[`Checksum${ChecksumAlgorithm as 'CRC32'}`]);
        assert.equal(sha256(await got.Body!.transformToByteArray()), sha256(data));
      }
      const wrong = await failure(
        client.send(
          new PutObjectCommand({
            Bucket,
            Key: 'wrong',
            Body: data,
            [`Checksum${ChecksumAlgorithm}`]: Buffer.alloc(4).toString('base64'),
          }),
        ),
      );
      assert.equal(wrong.name, 'BadDigest');
      assert.equal(
        (await failure(client.send(new HeadObjectCommand({ Bucket, Key: 'wrong' })))).name,
        'NotFound',
      );
      assert.equal((await filesIn(join(running.dir, 's3', 'data'))).length, 1);
    });
  }

  test('conditional reads and writes', async (t) => {
    const client = s3Client(t, await start(t));
    await client.send(new CreateBucketCommand({ Bucket }));
    const key = { Bucket, Key: 'c' };
    const { ETag } = await client.send(new PutObjectCommand({ ...key, Body: 'one', IfNoneMatch: '*' }));
    const again = client.send(new PutObjectCommand({ ...key, Body: 'two', IfNoneMatch: '*' }));
    assert.equal((await failure(again)).name, 'PreconditionFailed');
    const same = await failure(client.send(new GetObjectCommand({ ...key, IfNoneMatch: ETag })));
    assert.equal(same.$metadata.httpStatusCode, 304);
    const other = await failure(client.send(new GetObjectCommand({ ...key, IfMatch: '"x"' })));
    assert.equal(other.$metadata.httpStatusCode, 412);
    await client.send(new PutObjectCommand({ ...key, Body: 'three', IfMatch: ETag }));
    const stale = await failure(client.send(new PutObjectCommand({ ...key, Body: 'four', IfMatch: ETag })));
    assert.equal(stale.name, 'PreconditionFailed');
    const got = await client.send(new GetObjectCommand(key));
    assert.equal(await got.Body!.transformToString(), 'three');
    const unmodified = await failure(
      client.send(new GetObjectCommand({ ...key, IfModifiedSince: new Date(Date.now() + 1000) })),
    );
    assert.equal(unmodified.$metadata.httpStatusCode, 304);
  });

  test('lists: order of bytes, prefixes, delimiters, pages, hostile keys', async (t) => {
    const client = s3Client(t, await start(t));
    await client.send(new CreateBucketCommand({ Bucket }));
    const keys = [
      '../../../etc/passwd',
      '..',
      '.',
      '%2e%2e',
      '/',
      '//',
      'a',
      'a b',
      'a+b',
      'a&<>"\'',
      'a/1',
      'a/2/x',
      'a/2/y',
      'a\u0001\r\n',
      'b'.repeat(1024),
      'é',
      '\u{10400}',
      '\uff5e',
      'key with trailing ',
    ];
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const MaxKeys of [1, 2, 3, 1000]) {
      const found: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, MaxKeys, ContinuationToken, EncodingType: 'url' }),
        );
        for (const entry of page.Contents ?? []) found.push(decodeURIComponent(entry.Key!));
        ContinuationToken = page.NextContinuationToken;
        assert.equal(page.IsTruncated, ContinuationToken !== undefined);
      } while (ContinuationToken);
      assert.deepEqual(found, sorted);
    }
    for (const Key of keys) {
      const got = await client.send(new GetObjectCommand({ Bucket, Key }));
      assert.equal(await got.Body!.transformToString(), Key);
    }
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsCommand({
          Bucket,
          Prefix: 'a',
          Delimiter: '/',
          MaxKeys: 2,
          Marker,
          EncodingType: 'url',
        }),
      );
      for (const entry of page.Contents ?? []) seen.push(decodeURIComponent(entry.Key!));
      for (const entry of page.CommonPrefixes ?? []) seen.push(entry.Prefix!);
      Marker = page.NextMarker === undefined ? undefined : decodeURIComponent(page.NextMarker);
    } while (Marker !== undefined);
    assert.deepEqual(seen.toSorted(), ['a', 'a b', 'a+b', 'a&<>"\'', 'a\u0001\r\n', 'a/'].toSorted());
    const inside = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'a/', Delimiter: '/' }));
    assert.deepEqual(
      inside.Contents?.map((entry) => entry.Key),
      ['a/1'],
    );
    assert.deepEqual(
      inside.CommonPrefixes?.map((entry) => entry.Prefix),
      ['a/2/'],
    );
    const after = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'a', StartAfter: 'a/1' }));
    assert.deepEqual(
      after.Contents?.map((entry) => entry.Key),
      ['a/2/x', 'a/2/y'],
    );
    const plain = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'a&' }));
    assert.deepEqual(
      plain.Contents?.map((entry) => entry.Key),
      ['a&<>"\''],
    );
    const long = await failure(
      client.send(new PutObjectCommand({ Bucket, Key: 'b'.repeat(1025), Body: 'x' })),
    );
    assert.equal(long.name, 'KeyTooLongError');
  });

  test('delete many, of any name', async (t) => {
    const running = await start(t);
    const client = s3Client(t, running);
    await client.send(new CreateBucketCommand({ Bucket }));
    const keys = ['x', ' y ', '5', 'a&b<c>', 'ünï'];
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const answer = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, 'gone'].map((Key) => ({ Key })) } }),
    );
    assert.deepEqual(
      answer.Deleted?.map((entry) => entry.Key),
      [...keys, 'gone'],
    );
    assert.equal((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    assert.deepEqual(await filesIn(join(running.dir, 's3', 'data')), []);
  });

  test('copies keep or replace metadata', async (t) => {
    const client = s3Client(t, await start(t));
    await client.send(new CreateBucketCommand({ Bucket }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'a ü', Body: 'data', Metadata: { m: '1' } }));
    const CopySource = `${Bucket}/${encodeURIComponent('a ü')}`;
    await client.send(new CopyObjectCommand({ Bucket, Key: 'kept', CopySource }));
    await client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'new',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { n: '2' },
      }),
    );
    const kept = await client.send(new GetObjectCommand({ Bucket, Key: 'kept' }));
    assert.deepEqual([kept.Metadata, await kept.Body!.transformToString()], [{ m: '1' }, 'data']);
    assert.deepEqual((await client.send(new HeadObjectCommand({ Bucket, Key: 'new' }))).Metadata, { n: '2' });
    const missing = await failure(
      client.send(new CopyObjectCommand({ Bucket, Key: 'z', CopySource: `${Bucket}/no` })),
    );
    assert.equal(missing.name, 'NoSuchKey');
  });

  for (const algorithm of [undefined, 'CRC32', 'CRC64NVME', 'SHA256'] as (ChecksumAlgorithm | undefined)[]) {
    test(`multipart upload, checksum ${algorithm ?? 'left to the SDK'}`, async (t) => {
      const running = await start(t);
      const client = s3Client(t, running);
      await client.send(new CreateBucketCommand({ Bucket }));
      const key = { Bucket, Key: 'parts' };
      const checksum = algorithm && { ChecksumAlgorithm: algorithm };
      const { UploadId } = await client.send(
        new CreateMultipartUploadCommand({ ...key, ...checksum, ContentType: 'text/x' }),
      );
      const data = [randomBytes(5 * MIB), randomBytes(5 * MIB + 1), randomBytes(3)];
      const parts = [];
      for (const [index, Body] of data.entries()) {
        const PartNumber = index * 2 + 1;
        const part = await client.send(
          new UploadPartCommand({ ...key, ...checksum, UploadId, PartNumber, Body }),
        );
        parts.push({ ...part, PartNumber });
      }
      await client.send(
        new UploadPartCommand({ ...key, ...checksum, UploadId, PartNumber: 9, Body: 'unused' }),
      );
      const listed = await client.send(new ListPartsCommand({ ...key, UploadId }));
      assert.deepEqual(
        listed.Parts?.map((part) => part.PartNumber),
        [1, 3, 5, 9],
      );
      const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      assert.deepEqual(
        uploads.Uploads?.map((upload) => upload.UploadId),
        [UploadId],
      );
      const wrongOrder = { ...key, UploadId, MultipartUpload: { Parts: parts.toReversed() } };
      assert.equal(
        (await failure(client.send(new CompleteMultipartUploadCommand(wrongOrder)))).name,
        'InvalidPartOrder',
      );
      const done = await client.send(
        new CompleteMultipartUploadCommand({ ...key, UploadId, MultipartUpload: { Parts: parts } }),
      );
      assert.match(done.ETag!, /^"[0-9a-f]{32}-3"$/);
      const got = await client.send(new GetObjectCommand({ ...key, ChecksumMode: 'ENABLED' }));
      const whole = Buffer.concat(data);
      assert.equal(sha256(await got.Body!.transformToByteArray()), sha256(whole));
      assert.equal(got.ContentType, 'text/x');
      const across = await client.send(
        new GetObjectCommand({ ...key, Range: `bytes=${5 * MIB - 2}-${10 * MIB + 2}` }),
      );
      assert.deepEqual(
        Buffer.from(await across.Body!.transformToByteArray()),
        whole.subarray(5 * MIB - 2, 10 * MIB + 3),
      );
      const second = await client.send(new GetObjectCommand({ ...key, PartNumber: 2 }));
      assert.equal(second.ContentLength, 5 * MIB + 1);
      assert.equal((await filesIn(join(running.dir, 's3', 'data'))).length, 3);
    });
  }

  test('an upload can be aborted, and parts copied', async (t) => {
    const running = await start(t);
    const client = s3Client(t, running);
    await client.send(new CreateBucketCommand({ Bucket }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'source', Body: '0123456789' }));
    const key = { Bucket, Key: 'copied' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(key));
    const copied = await client.send(
      new UploadPartCopyCommand({
        ...key,
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/source`,
        CopySourceRange: 'bytes=2-4',
      }),
    );
    await client.send(
      new CompleteMultipartUploadCommand({
        ...key,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: copied.CopyPartResult!.ETag }] },
      }),
    );
    const got = await client.send(new GetObjectCommand(key));
    assert.equal(await got.Body!.transformToString(), '234');
    const other = await client.send(new CreateMultipartUploadCommand(key));
    const upload = { ...key, UploadId: other.UploadId };
    await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }));
    await client.send(new AbortMultipartUploadCommand(upload));
    const late = await failure(client.send(new UploadPartCommand({ ...upload, PartNumber: 2, Body: 'x' })));
    assert.equal(late.name, 'NoSuchUpload');
    assert.equal((await filesIn(join(running.dir, 's3', 'data'))).length, 2);
  });

  test('what the caller may not do is refused, key by key where there are many', async (t) => {
    const running = await start(
      t,
      {},
      {
        checkS3: (_caller, operation, { key, keys = [] }) => {
          if ([key, ...keys].includes('locked') && operation !== 'PutObject') {
            throw new ServiceError('AccessDenied', `not ${operation}`);
          }
        },
      },
    );
    const client = s3Client(t, running);
    await client.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['locked', 'open']) await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    const denied = await failure(client.send(new GetObjectCommand({ Bucket, Key: 'locked' })));
    assert.deepEqual([denied.name, denied.message], ['AccessDenied', 'not GetObject']);
    const Delete = { Objects: [{ Key: 'locked' }, { Key: 'open' }] };
    const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    assert.deepEqual(
      Deleted?.map((entry) => entry.Key),
      ['open'],
    );
    assert.deepEqual(
      Errors?.map((entry) => [entry.Key, entry.Code]),
      [['locked', 'AccessDenied']],
    );
  });

  test('virtual-host style and what is not there', async (t) => {
    const running = await start(t);
    const pathStyle = s3Client(t, running);
    await pathStyle.send(new CreateBucketCommand({ Bucket }));
    const httpAgent = new Agent({
      lookup: (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const client = new S3Client({
      endpoint: `http://localhost:${running.port}`,
      requestHandler: { httpAgent },
      region: REGION,
      credentials: CREDENTIAL,
      maxAttempts: 1,
    });
    t.after(() => client.destroy());
    await client.send(new PutObjectCommand({ Bucket, Key: '2025-09-09/k', Body: 'v' }));
    const got = await pathStyle.send(new GetObjectCommand({ Bucket, Key: '2025-09-09/k' }));
    assert.equal(await got.Body!.transformToString(), 'v');
    const metrics = await failure(client.send(new ListBucketMetricsConfigurationsCommand({ Bucket })));
    assert.equal(metrics.name, 'NotImplemented');
    assert.match(metrics.message, /\?metrics/);
    assert.equal((await failure(client.send(new GetObjectCommand({ Bucket, Key: 'no' })))).name, 'NoSuchKey');
  });
});

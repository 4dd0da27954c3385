// What deploy scripts and infrastructure tools set on buckets and objects, and read back.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as s3 from '@aws-sdk/client-s3';
import { ObjectStore } from '../../src/store/object-store.ts';
import { failure, s3Client, start } from './harness.ts';
import { rawSigned } from './sign.ts';

const Bucket = 'settings';

async function bucket(t: TestContext) {
  const running = await start(t);
  const client = s3Client(t, running);
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  return { running, client };
}

test('settings of a bucket: what was put is given back, what was not is as in a new bucket at AWS', async (t) => {
  const { client } = await bucket(t);
  const send = client.send.bind(client) as (command: unknown) => Promise<Record<string, unknown>>;
  const without$ = ({ $metadata: _, ...rest }: Record<string, unknown>) => rest;
  /** Answer or error code before; put; the same back; delete; as before. */
  const round = async (
    name: string,
    input: Record<string, unknown>,
    output: Record<string, unknown>,
    before: Record<string, unknown> | string,
    deletion?: string,
  ) => {
    const make = (kind: string, more = {}) =>
      new (s3 as never as Record<string, new (input: object) => never>)[`${kind}Command`]!({
        Bucket,
        ...more,
      });
    const read = async () => without$(await send(make(`Get${name}`)));
    const beginning = async () => {
      if (typeof before === 'string') assert.equal((await failure(send(make(`Get${name}`)))).name, before);
      else assert.deepEqual(await read(), before, name);
    };
    await beginning();
    await send(make(`Put${name}`, input));
    assert.deepEqual(await read(), output, name);
    if (deletion === undefined) return;
    await send(make(deletion));
    await beginning();
  };
  const Status = 'Enabled';
  await round('BucketVersioning', { VersioningConfiguration: { Status } }, { Status }, {});
  const kms = {
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'k' } }],
  };
  await round(
    'BucketEncryption',
    { ServerSideEncryptionConfiguration: kms },
    { ServerSideEncryptionConfiguration: kms },
    {
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }],
      },
    },
    'DeleteBucketEncryption',
  );
  const all = (on: boolean) => ({
    PublicAccessBlockConfiguration: {
      ...{ BlockPublicAcls: on, IgnorePublicAcls: on, BlockPublicPolicy: on, RestrictPublicBuckets: on },
    },
  });
  await round('PublicAccessBlock', all(false), all(false), all(true), 'DeletePublicAccessBlock');
  const Rules = [{ ID: 'old', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 3 } }];
  await round(
    'BucketLifecycleConfiguration',
    { LifecycleConfiguration: { Rules } },
    { Rules },
    'NoSuchLifecycleConfiguration',
    'DeleteBucketLifecycle',
  );
  const TagSet = [{ Key: 'team', Value: 'blue & co' }];
  await round('BucketTagging', { Tagging: { TagSet } }, { TagSet }, 'NoSuchTagSet', 'DeleteBucketTagging');
  const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }];
  await round(
    'BucketCors',
    { CORSConfiguration: { CORSRules } },
    { CORSRules },
    'NoSuchCORSConfiguration',
    'DeleteBucketCors',
  );
  const owned = (ObjectOwnership: string) => ({ OwnershipControls: { Rules: [{ ObjectOwnership }] } });
  await round(
    'BucketOwnershipControls',
    owned('BucketOwnerPreferred'),
    owned('BucketOwnerPreferred'),
    owned('BucketOwnerEnforced'),
    'DeleteBucketOwnershipControls',
  );
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  await round('BucketPolicy', { Policy }, { Policy }, 'NoSuchBucketPolicy', 'DeleteBucketPolicy');
  const LoggingEnabled = { TargetBucket: 'logs', TargetPrefix: 'x/' };
  await round('BucketLogging', { BucketLoggingStatus: { LoggingEnabled } }, { LoggingEnabled }, {});
  await round(
    'BucketRequestPayment',
    { RequestPaymentConfiguration: { Payer: 'Requester' } },
    { Payer: 'Requester' },
    { Payer: 'BucketOwner' },
  );
  await round('BucketAccelerateConfiguration', { AccelerateConfiguration: { Status } }, { Status }, {});
  await round('BucketNotificationConfiguration', { NotificationConfiguration: {} }, {}, {});
});

test('what squib could not do is refused, not swallowed', async (t) => {
  const { client, running } = await bucket(t);
  const TopicConfigurations = [
    { TopicArn: 'arn:aws:sns:eu-test-1:111111111111:t', Events: ['s3:ObjectCreated:*' as const] },
  ];
  const events = await failure(
    client.send(
      new s3.PutBucketNotificationConfigurationCommand({
        ...{ Bucket, NotificationConfiguration: { TopicConfigurations } },
      }),
    ),
  );
  assert.equal(events.name, 'NotImplemented');
  const acl = await failure(client.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })));
  assert.equal(acl.name, 'AccessControlListNotSupported');
  await client.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'private' }));
  const { Grants } = await client.send(new s3.GetBucketAclCommand({ Bucket }));
  assert.equal(Grants?.[0]?.Permission, 'FULL_CONTROL');
  const policy = await failure(client.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: 'nonsense' })));
  assert.equal(policy.name, 'MalformedPolicy');
  const inventory = await rawSigned(running, {
    method: 'PUT',
    path: `/${Bucket}`,
    query: { inventory: '' },
    service: 's3',
    body: '<x/>',
  });
  assert.equal(inventory.status, 501);
  assert.match(inventory.body, /has no \?inventory/);
  const nowhere = await failure(client.send(new s3.GetBucketTaggingCommand({ Bucket: 'not-there' })));
  assert.equal(nowhere.name, 'NoSuchBucket');
  const gone = await failure(client.send(new s3.GetObjectCommand({ Bucket, Key: 'k', VersionId: 'v1' })));
  assert.equal(gone.name, 'NoSuchVersion');
});

test('tags of objects: by header, by call, counted, copied', async (t) => {
  const { client } = await bucket(t);
  await client.send(new s3.PutObjectCommand({ Bucket, Key: 'a', Body: 'x', Tagging: 'one=1&two=a%20b' }));
  const tags = async (Key: string) =>
    (await client.send(new s3.GetObjectTaggingCommand({ Bucket, Key }))).TagSet;
  assert.deepEqual(await tags('a'), [
    { Key: 'one', Value: '1' },
    { Key: 'two', Value: 'a b' },
  ]);
  assert.equal((await client.send(new s3.GetObjectCommand({ Bucket, Key: 'a' }))).TagCount, 2);
  await client.send(new s3.CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
  const TagSet = [{ Key: 'three', Value: '3' }];
  await client.send(new s3.PutObjectTaggingCommand({ Bucket, Key: 'a', Tagging: { TagSet } }));
  assert.deepEqual([await tags('a'), (await tags('b'))?.length], [TagSet, 2]);
  await client.send(new s3.DeleteObjectTaggingCommand({ Bucket, Key: 'a' }));
  assert.deepEqual(await tags('a'), []);
  const many = Array.from({ length: 11 }, (_, at) => ({ Key: `k${at}`, Value: '' }));
  const refused = await failure(
    client.send(new s3.PutObjectTaggingCommand({ Bucket, Key: 'a', Tagging: { TagSet: many } })),
  );
  assert.equal(refused.$metadata.httpStatusCode, 400);
});

test('versions: each object has the one called null; attributes of objects', async (t) => {
  const { client } = await bucket(t);
  for (const Key of ['a/1', 'a/2', 'b']) {
    await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'data', ChecksumAlgorithm: 'SHA1' }));
  }
  const first = await client.send(new s3.ListObjectVersionsCommand({ Bucket, MaxKeys: 2 }));
  assert.equal(first.IsTruncated, true);
  const rest = await client.send(
    new s3.ListObjectVersionsCommand({
      Bucket,
      KeyMarker: first.NextKeyMarker,
      VersionIdMarker: first.NextVersionIdMarker,
    }),
  );
  const versions = [...first.Versions!, ...rest.Versions!];
  assert.deepEqual(
    versions.map(({ Key, VersionId, IsLatest }) => [Key, VersionId, IsLatest]),
    [...['a/1', 'a/2', 'b'].map((Key) => [Key, 'null', true])],
  );
  const folded = await client.send(new s3.ListObjectVersionsCommand({ Bucket, Delimiter: '/' }));
  assert.deepEqual(folded.CommonPrefixes, [{ Prefix: 'a/' }]);
  const attributes = await client.send(
    new s3.GetObjectAttributesCommand({
      Bucket,
      Key: 'b',
      ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize'],
    }),
  );
  const { ObjectSize, ETag, Checksum } = attributes;
  assert.deepEqual(
    [ObjectSize, ETag, Checksum?.ChecksumSHA1],
    [4, '8d777f385d3dfec8815d20f7496026dc', 'oXyaqmHoChv3HQ2FCvTluqmAC70='],
  );
  // A script that empties a bucket names the versions.
  const Objects = versions.map(({ Key, VersionId }) => ({ Key: Key!, VersionId: VersionId! }));
  await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  await client.send(new s3.DeleteBucketCommand({ Bucket }));
});

test('settings go with their bucket, and outlive a restart', async (t) => {
  const { client, running } = await bucket(t);
  const Tagging = { TagSet: [{ Key: 'a', Value: 'b' }] };
  await client.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging }));
  const again = await ObjectStore.open(`${running.dir}/s3`);
  assert.match(again.settings.get(Bucket, 'tagging') ?? '', /<Key>a<\/Key>/);
  again.close();
  await client.send(new s3.DeleteBucketCommand({ Bucket }));
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  assert.equal((await failure(client.send(new s3.GetBucketTaggingCommand({ Bucket })))).name, 'NoSuchTagSet');
});

// The requests of Terraform's AWS provider, in the shape in which the AWS SDK for Go sends them: paths with every
// reserved character escaped, its headers, its form bodies. Terraform itself is on no package registry.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { type RawAnswer, REGION } from '../aws/harness.ts';
import { rawSigned } from '../aws/sign.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
before(async () => {
  squib = await TestSquib.start({ region: REGION });
});
after(() => squib.remove());

interface Call {
  service: string;
  method?: string;
  path?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

const agent =
  'APN/1.0 HashiCorp/1.0 Terraform/1.13.3 terraform-provider-aws/6.20.0 aws-sdk-go-v2/1.41.0 ua/2.1 os/linux lang/go#1.25.5 m/C,n';

async function send({
  service,
  method = 'POST',
  path = '/',
  query,
  headers,
  body = '',
}: Call): Promise<RawAnswer> {
  return rawSigned(
    { port: squib.config.api.port },
    {
      ...{ service, method, path, body, credential: readRootCredential(squib.layout.keys) },
      ...(query && { query }),
      headers: {
        ...{ 'user-agent': agent, 'accept-encoding': 'gzip', 'amz-sdk-request': 'attempt=1; max=25' },
        ...{ 'amz-sdk-invocation-id': '0c6b0f0a-7b54-4b8e-9a6f-3f1f0f6f9f11' },
        ...(body.length > 0 && { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
    },
  );
}

const iam = (form: Record<string, string>) =>
  send({
    ...{ service: 'iam', body: new URLSearchParams({ ...form, Version: '2010-05-08' }).toString() },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });

const logs = (action: string, input: object) =>
  send({
    ...{ service: 'logs', body: JSON.stringify(input) },
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${action}` },
  });

const s3 = (
  method: string,
  path: string,
  query: Record<string, string> = {},
  body: Buffer = Buffer.alloc(0),
) => {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return send({
    ...{ service: 's3', method, path, query, body },
    headers: {
      ...{ 'accept-encoding': 'identity', 'x-amz-content-sha256': hash('sha256', body) },
      ...(body.length > 0 && {
        ...{ 'x-amz-sdk-checksum-algorithm': 'CRC32', 'x-amz-checksum-crc32': sum.toString('base64') },
        'content-type': 'application/octet-stream',
      }),
    },
  });
};

const code = ({ body }: RawAnswer) => /<Code>(\w+)<\/Code>/.exec(body)?.[1];

test('aws_iam_role and aws_iam_role_policy: create, read, delete', async () => {
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ],
  });
  const made = await iam({
    ...{ Action: 'CreateRole', RoleName: 'tf-build', Path: '/', MaxSessionDuration: '3600' },
    ...{ AssumeRolePolicyDocument: trust, 'Tags.member.1.Key': 'by', 'Tags.member.1.Value': 'terraform' },
  });
  assert.equal(made.status, 200, made.body);
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 'logs:*'], Resource: '*' }],
  });
  const name = { RoleName: 'tf-build' };
  await iam({ Action: 'PutRolePolicy', ...name, PolicyName: 'build', PolicyDocument: policy });
  for (const Action of [
    'GetRole',
    'ListRolePolicies',
    'ListAttachedRolePolicies',
    'ListInstanceProfilesForRole',
    'ListRoleTags',
  ]) {
    const answer = await iam({ Action, ...name });
    assert.equal(answer.status, 200, `${Action}: ${answer.body}`);
  }
  assert.match((await iam({ Action: 'GetRolePolicy', ...name, PolicyName: 'build' })).body, /s3%3AGetObject/);
  assert.equal(code(await iam({ Action: 'GetRole', RoleName: 'none' })), 'NoSuchEntity');
});

test('aws_s3_bucket reads every setting, each answered as in a new bucket', async () => {
  assert.equal((await s3('PUT', '/tf-artifacts')).status, 200);
  assert.equal((await s3('HEAD', '/tf-artifacts')).status, 200);
  for (const [setting, expected] of Object.entries({
    ...{
      accelerate: 200,
      acl: 200,
      encryption: 200,
      logging: 200,
      location: 200,
      requestPayment: 200,
      versioning: 200,
    },
    ...{
      cors: 'NoSuchCORSConfiguration',
      lifecycle: 'NoSuchLifecycleConfiguration',
      tagging: 'NoSuchTagSet',
    },
    ...{ policy: 'NoSuchBucketPolicy', website: 'NoSuchWebsiteConfiguration' },
    ...{ replication: 'ReplicationConfigurationNotFoundError' },
    'object-lock': 'ObjectLockConfigurationNotFoundError',
  })) {
    const answer = await s3('GET', '/tf-artifacts', { [setting]: '' });
    assert.equal(typeof expected === 'number' ? answer.status : code(answer), expected, setting);
  }
});

test('aws_cloudwatch_log_group: create with tags, read, retention', async () => {
  const made = await logs('CreateLogGroup', {
    ...{ logGroupName: '/tf/app', logGroupClass: 'STANDARD', tags: { by: 'terraform' } },
  });
  assert.equal(made.status, 200, made.body);
  await logs('PutRetentionPolicy', { logGroupName: '/tf/app', retentionInDays: 7 });
  const { logGroups } = JSON.parse((await logs('DescribeLogGroups', { logGroupNamePrefix: '/tf/app' })).body);
  assert.deepEqual([logGroups[0].retentionInDays, logGroups[0].logGroupClass], [7, 'STANDARD']);
  const resourceArn = logGroups[0].logGroupArn;
  assert.deepEqual(JSON.parse((await logs('ListTagsForResource', { resourceArn })).body).tags, {
    by: 'terraform',
  });
});

test('what is left is destroyed', async () => {
  assert.equal((await s3('DELETE', '/tf-artifacts')).status, 204);
  await iam({ Action: 'DeleteRolePolicy', RoleName: 'tf-build', PolicyName: 'build' });
  assert.equal((await iam({ Action: 'DeleteRole', RoleName: 'tf-build' })).status, 200);
  assert.equal((await logs('DeleteLogGroup', { logGroupName: '/tf/app' })).status, 200);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { raw, start } from './harness.ts';
import { rawSigned, signedHeaders } from './sign.ts';

const IMAGE = 'arn:aws:lambda:eu-test-1:111111111111:microvm-image:demo';
const STARTED = new Date(1_793_491_200_125);

const image = { imageArn: IMAGE, name: 'demo', state: 'CREATED' as const, createdAt: STARTED };

describe('what SDKs hide: lambda-microvms and lambda-core on the wire', () => {
  test('nulls for absent members, epoch seconds, headers', async (t) => {
    const running = await start(t, { GetMicrovmImage: async () => image });
    for (const path of [IMAGE, encodeURIComponent(IMAGE)]) {
      const answer = await rawSigned(running, { path: `/2025-09-09/microvm-images/${path}` });
      assert.equal(answer.status, 200, answer.body);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.match(String(answer.headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
      assert.deepEqual(JSON.parse(answer.body), {
        imageArn: IMAGE,
        name: 'demo',
        state: 'CREATED',
        latestActiveImageVersion: null,
        latestFailedImageVersion: null,
        createdAt: 1_793_491_200.125,
        tags: null,
        updatedAt: null,
      });
    }
  });

  test('lambda-core omits absent members and writes ISO times', async (t) => {
    const running = await start(t, {
      GetNetworkConnector: async ({ Identifier }) => ({
        Arn: 'a',
        Name: 'n',
        Id: Identifier,
        LastModified: STARTED,
      }),
    });
    const answer = await rawSigned(running, { path: '/2026-04-04/network-connectors/nc-1' });
    assert.deepEqual(JSON.parse(answer.body), {
      Arn: 'a',
      Name: 'n',
      Id: 'nc-1',
      LastModified: STARTED.toISOString(),
    });
  });

  test('an ARN is decoded exactly once', async (t) => {
    const seen: string[] = [];
    const running = await start(t, {
      GetMicrovm: async ({ microvmIdentifier }) => {
        seen.push(microvmIdentifier);
        throw new Error('enough');
      },
    });
    for (const id of ['a%253Ab', 'a%3Ab', 'a:b', '%252F']) {
      await rawSigned(running, { path: `/2025-09-09/microvms/${id}` });
    }
    assert.deepEqual(seen, ['a%3Ab', 'a:b', 'a:b', '%2F']);
  });

  test('slashes: encoded is denied by name, raw splits the path', async (t) => {
    const running = await start(t);
    const base = 'arn:aws:lambda:eu-test-1:111111111111:microvm-image';
    const denied = await rawSigned(running, { path: `/2025-09-09/microvm-images/${base}%2Fdemo` });
    assert.equal(denied.status, 403);
    assert.equal(denied.headers['x-amzn-errortype'], 'AccessDeniedException');
    assert.match(denied.body, /lambda:GetMicrovmImage on resource: arn:[^ ]*microvm-image\/demo because/);
    const split = await rawSigned(running, { path: `/2025-09-09/microvm-images/${base}/demo` });
    assert.equal(split.status, 404);
    assert.equal(split.headers['content-type'], 'text/html');
    assert.match(split.body, /<html>/);
  });

  test('all violations in one answer, in AWS’s words', async (t) => {
    const running = await start(t);
    const answer = await rawSigned(running, {
      method: 'POST',
      path: '/2025-09-09/microvm-images',
      body: JSON.stringify({
        name: 'bad name!',
        buildRoleArn: 'x',
        resources: [{ minimumMemoryInMiB: 1 }, {}],
        hooks: { port: 0, microvmHooks: { run: 'MAYBE' } },
        egressNetworkConnectors: [''],
        unknown: { x: 1 },
      }),
    });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers['x-amzn-errortype'], 'ValidationException');
    const { message, ...others } = JSON.parse(answer.body);
    assert.deepEqual(others, {});
    const [head, tail] = message.split(/: (.*)/s);
    assert.equal(head, '10 validation errors detected');
    assert.deepEqual(tail.split('; ').toSorted(), [
      "Value '0' at 'hooks.port' failed to satisfy constraint: Member must have value greater than or equal to 1",
      "Value 'MAYBE' at 'hooks.microvmHooks.run' failed to satisfy constraint: Member must satisfy enum value set: [DISABLED, ENABLED]",
      "Value '[]' at 'egressNetworkConnectors' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1]",
      "Value '[{minimumMemoryInMiB=1}, {}]' at 'resources' failed to satisfy constraint: Member must have length less than or equal to 1",
      "Value 'bad name!' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+",
      "Value 'x' at 'buildRoleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
      "Value 'x' at 'buildRoleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws[a-z\\-]*:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
      "Value null at 'baseImageArn' failed to satisfy constraint: Member must not be null",
      "Value null at 'codeArtifact' failed to satisfy constraint: Member must not be null",
      "Value null at 'resources.2.member.minimumMemoryInMiB' failed to satisfy constraint: Member must not be null",
    ]);
  });

  test('one violation, a sensitive value, camelCase paths of lambda-core', async (t) => {
    const running = await start(t);
    const run = await rawSigned(running, {
      method: 'POST',
      path: '/2025-09-09/microvms',
      body: JSON.stringify({ imageIdentifier: IMAGE, runHookPayload: 'x'.repeat(4097) }),
    });
    assert.equal(
      JSON.parse(run.body).message,
      "1 validation error detected: Value at 'runHookPayload' failed to satisfy constraint: Member must have length less than or equal to 4096",
    );
    const core = await rawSigned(running, {
      method: 'POST',
      path: '/2026-04-04/network-connectors',
      body: JSON.stringify({
        Name: 'n',
        Configuration: {
          VpcEgressConfiguration: { SubnetIds: Array.from({ length: 17 }, (_, i) => `subnet-${i}`) },
        },
      }),
    });
    assert.equal(core.headers['x-amzn-errortype'], 'ValidationException');
    assert.match(
      JSON.parse(core.body).message,
      /^1 validation error detected: Value '\[subnet-0, .*\]' at 'configuration\.vpcEgressConfiguration\.subnetIds' failed to satisfy constraint: Member must have length less than or equal to 16$/,
    );
  });

  test('unions need exactly one member', async (t) => {
    const running = await start(t, {
      CreateMicrovmAuthToken: async () => ({ authToken: { 'X-aws-proxy-auth': 't' } }),
    });
    const mint = (port: unknown) =>
      rawSigned(running, {
        method: 'POST',
        path: '/2025-09-09/microvms/m/auth-token',
        body: JSON.stringify({ expirationInMinutes: 5, allowedPorts: [port] }),
      });
    for (const good of [
      { port: 1 },
      { range: { startPort: 1, endPort: 2 } },
      { allPorts: {} },
      { port: 1, range: null },
    ]) {
      assert.equal((await mint(good)).status, 200);
    }
    for (const bad of [{}, { port: 1, allPorts: {} }, { other: 1 }]) {
      const answer = await mint(bad);
      assert.equal(answer.status, 400);
      assert.match(JSON.parse(answer.body).message, /'allowedPorts\.1\.member' failed to satisfy constraint/);
    }
    const wrongType = await mint({ allPorts: true });
    assert.equal(wrongType.status, 400);
    assert.equal(wrongType.body, '{"Message":"Expected null"}');
  });

  test('wrong JSON types and what is no JSON', async (t) => {
    const running = await start(t);
    const run = (body: string | Buffer) =>
      rawSigned(running, { method: 'POST', path: '/2025-09-09/microvms', body });
    const wrong: [string, string][] = [
      ['{"imageIdentifier":1}', 'NUMBER_VALUE can not be converted to a String'],
      ['{"imageIdentifier":{}}', 'Start of structure or map found where not expected.'],
      ['{"imageIdentifier":[]}', 'Start of list found where not expected'],
      ['{"maximumDurationInSeconds":"1"}', 'STRING_VALUE can not be converted to an Integer'],
      ['{"maximumDurationInSeconds":true}', 'TRUE_VALUE can not be converted to an Integer'],
      ['{"maximumDurationInSeconds":1e99}', 'Numeric value out of range'],
      ['{"ingressNetworkConnectors":{}}', 'Expected list or null'],
      ['[]', 'Expected null'],
      ['"x"', 'Expected null'],
    ];
    for (const [body, message] of wrong) {
      const answer = await run(body);
      assert.deepEqual([answer.status, answer.body], [400, JSON.stringify({ Message: message })], body);
      assert.equal(answer.headers['x-amzn-errortype'], 'SerializationException');
    }
    for (const body of ['{', 'x', '{"a":1}}', Buffer.from([0x7b, 0xff, 0x7d])]) {
      const answer = await run(body);
      assert.deepEqual([answer.status, answer.body], [400, '{"message":null}']);
    }
    for (const body of ['', 'null', '{}']) {
      assert.match((await run(body)).body, /Value null at 'imageIdentifier'/);
    }
  });

  test('query values: numbers, ranges, an unencoded "="', async (t) => {
    const running = await start(t, { ListMicrovms: async () => ({ items: [] }) });
    const path = '/2025-09-09/microvms';
    const good = await rawSigned(running, { path, query: { maxResults: '50', nextToken: 'a+/=' } });
    assert.equal(good.status, 200);
    const many = await rawSigned(running, { path, query: { maxResults: '51' } });
    assert.match(
      many.body,
      /'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50/,
    );
    const text = await rawSigned(running, { path, query: { maxResults: 'x' } });
    assert.equal(text.headers['x-amzn-errortype'], 'SerializationException');
    const headers = await signedHeaders(running.port, { path, query: { nextToken: 'abc=' } });
    const bare = await raw(running, { path: `${path}?nextToken=abc=`, headers });
    assert.deepEqual([bare.status, bare.body], [400, '{"message":null}']);
  });

  test('error members: nulls in lambda-microvms, `Message` in lambda-core', async (t) => {
    const { ServiceError } = await import('../../src/errors/service-error.ts');
    const missing = async (): Promise<never> => {
      throw new ServiceError('NotFound', 'gone');
    };
    const running = await start(t, {
      GetMicrovm: missing,
      GetNetworkConnector: missing,
      RunMicrovm: async () => {
        throw new ServiceError('QuotaExceeded', 'full');
      },
    });
    const vm = await rawSigned(running, { path: '/2025-09-09/microvms/m' });
    assert.deepEqual(JSON.parse(vm.body), { message: 'gone', resourceId: null, resourceType: null });
    const core = await rawSigned(running, { path: '/2026-04-04/network-connectors/n' });
    assert.deepEqual(JSON.parse(core.body), { Type: 'User', Message: 'gone' });
    const quota = await rawSigned(running, {
      method: 'POST',
      path: '/2025-09-09/microvms',
      body: JSON.stringify({ imageIdentifier: IMAGE }),
    });
    assert.equal(quota.status, 402);
    assert.deepEqual(JSON.parse(quota.body), {
      message: 'full',
      resourceId: null,
      resourceType: null,
      serviceCode: null,
      quotaCode: null,
    });
  });

  test('other Regions, bodies that are too large, missing signatures, services that are not there', async (t) => {
    const running = await start(t, {}, { regions: ['us-east-1'] });
    const region = await rawSigned(running, { path: '/2025-09-09/microvms/m' });
    assert.deepEqual([region.status, region.body], [403, '{"message":null}']);
    const large = await rawSigned(running, {
      method: 'POST',
      path: '/2025-09-09/microvms',
      body: Buffer.alloc(1024 * 1024 + 1, 0x20),
    });
    assert.equal(large.status, 413);
    assert.equal(large.headers['x-amzn-errortype'], 'RequestEntityTooLargeException');
    const unsigned = await raw(running, { path: '/2025-09-09/microvms/m' });
    assert.equal(unsigned.status, 403);
    assert.equal(unsigned.headers['x-amzn-errortype'], 'MissingAuthenticationTokenException');
    const dynamo = await rawSigned(running, {
      method: 'POST',
      path: '/',
      service: 'dynamodb',
      headers: { 'x-amz-target': 'DynamoDB_20120810.ListTables' },
      body: '{}',
    });
    assert.equal(dynamo.status, 400);
    assert.match(JSON.parse(dynamo.body).message, /does not have the AWS service 'dynamodb' \(ListTables\)/);
    const nobody = await raw(running, { path: '/bucket/key' });
    assert.equal(nobody.status, 403);
    assert.match(nobody.body, /<Code>AccessDenied<\/Code>/);
  });

  test('sts GetCallerIdentity', async (t) => {
    const running = await start(t);
    const ask = (body: string, service = 'sts') =>
      rawSigned(running, {
        method: 'POST',
        path: '/',
        service,
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body,
      });
    const answer = await ask('Action=GetCallerIdentity&Version=2011-06-15');
    assert.equal(answer.status, 200);
    assert.match(answer.body, /<Account>111111111111<\/Account>/);
    assert.match(answer.body, /<Arn>arn:aws:iam::111111111111:root<\/Arn>/);
    const other = await ask('Action=AssumeRole&Version=2011-06-15');
    assert.equal(other.status, 400);
    assert.match(other.body, /<Code>InvalidAction<\/Code><Message>[^<]*AssumeRole/);
    const iam = await ask('Action=ListRoles', 'iam');
    assert.match(iam.body, /does not have the AWS service &apos;iam&apos; \(ListRoles\)/);
    const functions = await rawSigned(running, { path: '/2015-03-31/functions/' });
    assert.match(
      functions.body,
      /squib has only MicroVMs and network connectors of AWS Lambda, not GET \/2015-03-31\/functions/,
    );
  });
});

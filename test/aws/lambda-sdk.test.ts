import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CreateMicrovmAuthTokenCommand,
  CreateMicrovmImageCommand,
  DeleteMicrovmImageCommand,
  GetMicrovmCommand,
  ListMicrovmImagesCommand,
  ListTagsCommand,
  paginateListMicrovmImages,
  RunMicrovmCommand,
  SuspendMicrovmCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-lambda-microvms';
import type { Caller } from '../../src/aws/caller.ts';
import type { FrontDoorHandlers } from '../../src/aws/front-door.ts';
import { ServiceError, type ServiceErrorCode } from '../../src/errors/service-error.ts';
import { CREDENTIAL, failure, microvmsClient, REGION, start } from './harness.ts';

const IMAGE = `arn:aws:lambda:${REGION}:111111111111:microvm-image:demo`;
const ID = 'microvm-0a1b2c3d-0000-4000-8000-000000000001';
const STARTED = new Date(1_793_491_200_125);

const microvm = {
  microvmId: ID,
  state: 'RUNNING' as const,
  endpoint: 'x.lambda-microvm.eu-test-1.localhost',
  imageArn: IMAGE,
  imageVersion: '1.0',
  maximumDurationInSeconds: 28_800,
  startedAt: STARTED,
};

describe('lambda-microvms through the AWS SDK', () => {
  test('inputs arrive typed, outputs and timestamps come back', async (t) => {
    const seen: unknown[] = [];
    const running = await start(t, {
      RunMicrovm: async (input, caller) => {
        seen.push(input, caller);
        return { ...microvm, state: 'PENDING' };
      },
      GetMicrovm: async ({ microvmIdentifier }) => ({ ...microvm, microvmId: microvmIdentifier }),
      SuspendMicrovm: async () => ({}),
    });
    const client = microvmsClient(t, running);
    const run = await client.send(
      new RunMicrovmCommand({
        imageIdentifier: IMAGE,
        idlePolicy: { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: true },
        logging: { disabled: {} },
        runHookPayload: 'grüße 🎈',
        clientToken: 't',
      }),
    );
    assert.equal(run.$metadata.httpStatusCode, 200);
    assert.ok(run.$metadata.requestId);
    assert.deepEqual(run.startedAt, STARTED);
    assert.deepEqual(seen[0], {
      imageIdentifier: IMAGE,
      idlePolicy: { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: true },
      logging: { disabled: {} },
      runHookPayload: 'grüße 🎈',
      clientToken: 't',
    });
    const { accessKeyId, accountId, arn, userId } = CREDENTIAL;
    assert.deepEqual(seen[1], {
      accessKeyId,
      accountId,
      arn,
      userId,
      region: REGION,
      requestId: run.$metadata.requestId,
      sourceIp: '127.0.0.1',
      userAgent: (seen[1] as Caller).userAgent,
    });
    const got = await client.send(new GetMicrovmCommand({ microvmIdentifier: ID }));
    assert.equal(got.microvmId, ID);
    assert.equal(
      (await client.send(new SuspendMicrovmCommand({ microvmIdentifier: ID }))).$metadata.httpStatusCode,
      200,
    );
    assert.deepEqual(
      running.audit.map(({ operation, status, readOnly, service }) => [service, operation, status, readOnly]),
      [
        ['lambda', 'RunMicrovm', 200, false],
        ['lambda', 'GetMicrovm', 200, true],
        ['lambda', 'SuspendMicrovm', 200, false],
      ],
    );
    assert.equal(running.audit[0]!.input.runHookPayload, 'HIDDEN_DUE_TO_SECURITY_REASONS');
  });

  test('ARNs in the path, tags, lists and pages', async (t) => {
    const tags = new Map<string, Record<string, string>>();
    const handlers: FrontDoorHandlers = {
      CreateMicrovmImage: async ({ name, tags: given }) => {
        tags.set(IMAGE, given ?? {});
        return {
          imageArn: IMAGE,
          name,
          state: 'CREATING',
          createdAt: STARTED,
          baseImageArn: 'arn:aws:lambda:eu-test-1:aws:microvm-image:al2023-1',
          buildRoleArn: 'arn:aws:iam::111111111111:role/build',
          codeArtifact: { uri: 's3://b/k' },
          imageVersion: '1.0',
        };
      },
      DeleteMicrovmImage: async ({ imageIdentifier }) => ({ imageIdentifier, state: 'DELETING' }),
      ListTags: async ({ Resource }) => ({ Tags: tags.get(Resource) ?? {} }),
      TagResource: async ({ Resource, Tags }) => {
        tags.set(Resource, { ...tags.get(Resource), ...Tags });
        return {};
      },
      UntagResource: async ({ Resource, TagKeys }) => {
        for (const key of TagKeys) delete tags.get(Resource)?.[key];
        return {};
      },
      ListMicrovmImages: async ({ maxResults = 50, nextToken }) => {
        const from = Number(nextToken?.slice(1, -1) ?? 0);
        const items = Array.from({ length: maxResults }, (_, i) => ({
          imageArn: `${IMAGE}${from + i}`,
          name: `demo${from + i}`,
          state: 'CREATED' as const,
          createdAt: STARTED,
        }));
        return { items, ...(from < 4 && { nextToken: `+${from + maxResults}=` }) };
      },
    };
    const client = microvmsClient(t, await start(t, handlers));
    const created = await client.send(
      new CreateMicrovmImageCommand({
        name: 'demo',
        baseImageArn: 'arn:aws:lambda:eu-test-1:aws:microvm-image:al2023-1',
        buildRoleArn: 'arn:aws:iam::111111111111:role/build',
        codeArtifact: { uri: 's3://b/k' },
        tags: { a: '1', 'b c': 'ü' },
      }),
    );
    assert.equal(created.$metadata.httpStatusCode, 201);
    const tagged = await client.send(new TagResourceCommand({ Resource: IMAGE, Tags: { d: '4' } }));
    assert.equal(tagged.$metadata.httpStatusCode, 204);
    await client.send(new UntagResourceCommand({ Resource: IMAGE, TagKeys: ['a', 'b c'] }));
    assert.deepEqual((await client.send(new ListTagsCommand({ Resource: IMAGE }))).Tags, { d: '4' });
    const names: string[] = [];
    for await (const page of paginateListMicrovmImages({ client, pageSize: 2 }, {})) {
      for (const item of page.items ?? []) names.push(item.name!);
    }
    assert.deepEqual(names, ['demo0', 'demo1', 'demo2', 'demo3', 'demo4', 'demo5']);
    const deleted = await client.send(new DeleteMicrovmImageCommand({ imageIdentifier: IMAGE }));
    assert.equal(deleted.imageIdentifier, IMAGE);
  });

  const expected: [ServiceErrorCode, number, string, string][] = [
    ['Validation', 400, 'ValidationException', 'InvalidParameterValueException'],
    ['NotFound', 404, 'ResourceNotFoundException', 'ResourceNotFoundException'],
    ['Conflict', 409, 'ConflictException', 'ResourceConflictException'],
    ['AccessDenied', 403, 'AccessDeniedException', 'AccessDeniedException'],
    ['Throttled', 429, 'ThrottlingException', 'TooManyRequestsException'],
    ['Internal', 500, 'InternalServerException', 'ServiceException'],
    ['QuotaExceeded', 402, 'ServiceQuotaExceededException', ''],
  ];
  for (const [code, status, name, oldName] of expected) {
    test(`${code} becomes ${name}, and ${oldName || 'nothing'} for tags`, async (t) => {
      const fail = async (): Promise<never> => {
        throw new ServiceError(code, `why: ${code}`);
      };
      const client = microvmsClient(t, await start(t, { RunMicrovm: fail, ListTags: fail }));
      const error = await failure(client.send(new RunMicrovmCommand({ imageIdentifier: IMAGE })));
      assert.equal(error.name, name);
      assert.equal(error.message, `why: ${code}`);
      assert.equal(error.$metadata.httpStatusCode, status);
      if (oldName === '') return;
      const old = await failure(client.send(new ListTagsCommand({ Resource: IMAGE })));
      assert.equal(old.name, oldName);
      assert.equal(old.message, `why: ${code}`);
    });
  }

  test('what a handler did not expect tells the client nothing about squib', async (t) => {
    const running = await start(t, {
      RunMicrovm: async () => {
        throw new TypeError('secret detail at /srv/x.ts:1');
      },
    });
    const client = microvmsClient(t, running);
    const error = await failure(client.send(new RunMicrovmCommand({ imageIdentifier: IMAGE })));
    assert.equal(error.name, 'InternalServerException');
    assert.doesNotMatch(error.message, /secret|\.ts/);
    assert.match(running.logged.join(), /secret detail/);
  });

  test('wrong and foreign credentials are refused', async (t) => {
    const running = await start(t, { ListMicrovmImages: async () => ({ items: [] }) });
    const client = microvmsClient(t, running);
    const attempt = async (credentials: {
      accessKeyId: string;
      secretAccessKey: string;
      sessionToken?: string;
    }) => {
      client.config.credentials = async () => credentials;
      return client.send(new ListMicrovmImagesCommand({})).then(
        () => 'ok',
        (error) => `${error.name} ${error.$metadata.httpStatusCode}`,
      );
    };
    assert.equal(await attempt(CREDENTIAL), 'ok');
    assert.equal(await attempt({ ...CREDENTIAL, secretAccessKey: 'x' }), 'InvalidSignatureException 403');
    assert.equal(
      await attempt({ ...CREDENTIAL, accessKeyId: 'AKIDNOBODY' }),
      'UnrecognizedClientException 403',
    );
    assert.equal(await attempt({ ...CREDENTIAL, sessionToken: 'x' }), 'UnrecognizedClientException 403');
  });

  test('an operation without handler is named', async (t) => {
    const client = microvmsClient(t, await start(t));
    const command = new CreateMicrovmAuthTokenCommand({
      microvmIdentifier: ID,
      expirationInMinutes: 5,
      allowedPorts: [{ allPorts: {} }],
    });
    await assert.rejects(client.send(command), /squib does not have the operation CreateMicrovmAuthToken/);
  });
});

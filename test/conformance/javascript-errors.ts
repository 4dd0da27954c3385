// Every class of error through the AWS SDK for JavaScript: the SDK's own classes, status, members, text.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import * as aws from '@aws-sdk/client-lambda-microvms';
import { creation, type FullHouse } from './full-house.ts';
import { accountId, connector, imageArn, region, roleArn, type World } from './world.ts';

type ErrorClass = abstract new (...args: never[]) => aws.LambdaMicrovmsServiceException;

export async function javascriptErrors(t: TestContext, world: World, house: FullHouse): Promise<void> {
  const { squib, image } = world;
  const client = squib.clients.microvms;
  const narrow = world.narrow.clients.microvms;
  const ann = squib.clients.microvms;
  ann.config.credentials = async () => house.ann;
  t.after(() => [client, narrow, ann].forEach((each) => void each.destroy()));

  const fails = async (
    call: Promise<unknown>,
    type: ErrorClass,
    status: number,
    message: string | RegExp,
  ) => {
    const error = await call.then(
      (value) => assert.fail(`no error: ${JSON.stringify(value)}`),
      (reason: aws.LambdaMicrovmsServiceException) => reason,
    );
    assert.ok(error instanceof type, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    assert.match(error.$metadata.requestId ?? '', /^[0-9a-f-]{36}$/);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return error;
  };
  const unknownId = 'microvm-00000000-0000-4000-8000-000000000000';

  await t.test('SDK for JavaScript: ValidationException gathers every violation', async () => {
    const wrong = { ...creation, name: 'bad name!', buildRoleArn: 'x'.repeat(20), resources: [{}, {}] };
    const { message } = await fails(
      client.send(new aws.CreateMicrovmImageCommand(wrong as aws.CreateMicrovmImageRequest)),
      ...([aws.ValidationException, 400, /^5 validation errors detected: /] as const),
    );
    const items = message.replace(/^.*?: /, '').split('; ');
    for (const path of ['name', 'buildRoleArn', 'resources', 'resources.1.member.minimumMemoryInMiB']) {
      assert.ok(
        items.some((item) => item.includes(`at '${path}' failed to satisfy constraint: `)),
        message,
      );
    }
  });

  await t.test('SDK for JavaScript: ValidationException of the rules, in AWS’s sentences', async () => {
    const run = { imageIdentifier: image };
    const microvmIdentifier = house.microvmIds[0];
    const cases: [() => Promise<unknown>, string][] = [
      [
        () => client.send(new aws.GetMicrovmImageCommand({ imageIdentifier: 'probe' })),
        'Invalid ARN format: probe',
      ],
      [
        () => client.send(new aws.RunMicrovmCommand({ imageIdentifier: 'probe' })),
        "Malformed ARN - doesn't start with 'arn:'",
      ],
      [
        () => client.send(new aws.RunMicrovmCommand({ ...run, egressNetworkConnectors: ['NO_EGRESS'] })),
        'Malformed network connector ARN',
      ],
      [
        () =>
          client.send(
            new aws.RunMicrovmCommand({ ...run, egressNetworkConnectors: [connector('NO_EGRESS')] }),
          ),
        `Unrecognized managed network connector ARN: ${connector('NO_EGRESS')}`,
      ],
      [
        () => client.send(new aws.RunMicrovmCommand({ ...run, runHookPayload: 'x'.repeat(4097) })),
        "1 validation error detected: Value at 'runHookPayload' failed to satisfy constraint: Member must have length less than or equal to 4096",
      ],
      [
        () =>
          client.send(
            new aws.CreateMicrovmAuthTokenCommand({
              ...{ microvmIdentifier, expirationInMinutes: 61, allowedPorts: [{ port: 1 }] },
            }),
          ),
        'ExpirationMinutes 61 exceeded max allowed of 60.',
      ],
      [
        () =>
          client.send(
            new aws.CreateMicrovmImageCommand({
              ...creation,
              codeArtifact: { uri: 'https://example.com/x' },
            }),
          ),
        'CodeArtifact URI must be a valid S3 URI in the format: s3://<bucket>/<key>',
      ],
      [
        () =>
          client.send(
            new aws.CreateMicrovmImageCommand({ ...creation, resources: [{ minimumMemoryInMiB: 600 }] }),
          ),
        `The requested memory size of 600 MiB is not supported by base MicroVM image ${creation.baseImageArn}. Supported memory sizes in MiB are: [512, 1024, 2048, 4096, 8192].`,
      ],
      [
        () => client.send(new aws.CreateMicrovmImageCommand({ ...creation, baseImageVersion: '1.0' })),
        `No managed MicroVM Image with arn ${creation.baseImageArn} and version 1.0 is available`,
      ],
      [
        () => client.send(new aws.SuspendMicrovmCommand({ microvmIdentifier: house.terminatedId })),
        `The MicroVM ${house.terminatedId} has been terminated and its state cannot be changed.`,
      ],
      [
        () => client.send(new aws.DeleteMicrovmImageCommand(run)),
        'Cannot delete microvm image with running microvms.',
      ],
    ];
    for (const [call, message] of cases) await fails(call(), aws.ValidationException, 400, message);
  });

  await t.test('SDK for JavaScript: ResourceNotFoundException names what is missing', async () => {
    const imageIdentifier = imageArn('nothing');
    const version = { imageIdentifier: image, imageVersion: '7.0' };
    const cases: [() => Promise<unknown>, string][] = [
      [
        () => client.send(new aws.GetMicrovmImageCommand({ imageIdentifier })),
        `MicroVMImage not found for MicroVMImageID: ${imageIdentifier}`,
      ],
      [
        () => client.send(new aws.GetMicrovmImageVersionCommand(version)),
        `MicroVMImage not found for MicroVMImage: ${image}, Version: 7.0`,
      ],
      [
        () => client.send(new aws.RunMicrovmCommand({ imageIdentifier })),
        `No active version found for MicroVM image ${imageIdentifier}`,
      ],
      [
        () => client.send(new aws.RunMicrovmCommand(version)),
        `No active version found for MicroVM image ${image} and version 7.0`,
      ],
      [
        () => client.send(new aws.GetMicrovmCommand({ microvmIdentifier: unknownId })),
        `MicroVM not found: ${unknownId}`,
      ],
      [
        () => client.send(new aws.ListTagsCommand({ Resource: imageIdentifier })),
        `MicroVMImage not found for MicroVMImageID: ${imageIdentifier}`,
      ],
    ];
    for (const [call, message] of cases) await fails(call(), aws.ResourceNotFoundException, 404, message);
  });

  await t.test('SDK for JavaScript: ServiceQuotaExceededException is 402 and not repeated', async () => {
    const full = 'The base maximum allocated memory limit has been reached for this account.';
    await fails(
      client.send(new aws.RunMicrovmCommand({ imageIdentifier: image })),
      ...([aws.ServiceQuotaExceededException, 402, full] as const),
    );
    const images = /^The maximum number of MicroVM images \(0\) has been reached/;
    await fails(
      narrow.send(new aws.CreateMicrovmImageCommand(creation)),
      ...([aws.ServiceQuotaExceededException, 402, images] as const),
    );
  });

  await t.test('SDK for JavaScript: ThrottlingException, and TooManyRequestsException of tags', async () => {
    const get = new aws.GetMicrovmCommand({ microvmIdentifier: unknownId });
    const tags = new aws.ListTagsCommand({ Resource: imageArn('nothing') });
    await narrow.send(get).catch(() => {});
    await narrow.send(tags).catch(() => {});
    const throttled = await fails(narrow.send(get), aws.ThrottlingException, 429, 'Rate exceeded');
    assert.ok(throttled.$retryable?.throttling);
    await fails(narrow.send(tags), aws.TooManyRequestsException, 429, 'Rate exceeded');
  });

  await t.test('SDK for JavaScript: tags answer with the errors of classic Lambda', async () => {
    const call = client.send(new aws.TagResourceCommand({ Resource: image, Tags: { 'aws:x': '1' } }));
    const error = await fails(call, aws.InvalidParameterValueException, 400, /aws:x is reserved/);
    assert.equal((error as aws.InvalidParameterValueException).Type, 'User');
  });

  await t.test('SDK for JavaScript: AccessDeniedException says which action on which resource', async () => {
    const user = `arn:aws:iam::${accountId}:user/ann`;
    const denied = (call: Promise<unknown>, action: string, resource: string) =>
      fails(
        call,
        aws.AccessDeniedException,
        403,
        `User: ${user} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
      );
    const microvmIdentifier = house.microvmIds[0];
    await denied(
      ann.send(new aws.SuspendMicrovmCommand({ microvmIdentifier })),
      'lambda:SuspendMicrovm',
      image,
    );
    await denied(ann.send(new aws.ListMicrovmsCommand({})), 'lambda:ListMicrovms', '*');
  });

  await t.test('SDK for JavaScript: PassNetworkConnector and PassRole are asked for', async () => {
    const run = { imageIdentifier: image };
    const all = /^The base maximum allocated memory limit/;
    await fails(ann.send(new aws.RunMicrovmCommand(run)), aws.ServiceQuotaExceededException, 402, all);
    const shell = connector('SHELL_INGRESS');
    await fails(
      ann.send(new aws.RunMicrovmCommand({ ...run, ingressNetworkConnectors: [shell] })),
      ...([aws.AccessDeniedException, 403] as const),
      new RegExp(`perform: lambda:PassNetworkConnector on resource: ${shell} because`),
    );
    await fails(
      ann.send(new aws.RunMicrovmCommand({ ...run, executionRoleArn: roleArn('admin') })),
      ...([aws.AccessDeniedException, 403] as const),
      new RegExp(`perform: iam:PassRole on resource: ${roleArn('admin')} because`),
    );
  });

  await t.test('SDK for JavaScript: conditions on tags of the request and of the resource', async () => {
    const make = (settings: Partial<aws.CreateMicrovmImageRequest>) =>
      ann.send(new aws.CreateMicrovmImageCommand({ ...creation, ...settings }));
    const create = /perform: lambda:CreateMicrovmImage on resource: \* because/;
    await fails(make({}), aws.AccessDeniedException, 403, create);
    await fails(make({ tags: { team: 'blue' } }), aws.AccessDeniedException, 403, create);
    const red = { tags: { team: 'red' } };
    await fails(
      make({ ...red, buildRoleArn: roleArn('admin') }),
      ...([
        aws.AccessDeniedException,
        403,
        /perform: iam:PassRole on resource: .*role\/admin because/,
      ] as const),
    );
    await fails(
      make({ ...red, name: 'bob' }),
      ...([aws.AccessDeniedException, 403, /lambda:TagResource on resource: .*:bob because/] as const),
    );
    // Allowed: now the rules speak.
    await fails(
      make({ ...red, codeArtifact: { uri: 'x' } }),
      ...([aws.ValidationException, 400, /^CodeArtifact URI/] as const),
    );

    const list = new aws.ListMicrovmImageVersionsCommand({ imageIdentifier: image });
    await fails(ann.send(list), aws.AccessDeniedException, 403, /lambda:ListMicrovmImageVersions/);
    await client.send(new aws.TagResourceCommand({ Resource: image, Tags: { team: 'red' } }));
    assert.equal((await ann.send(list)).items?.length, 1);
    await client.send(new aws.UntagResourceCommand({ Resource: image, TagKeys: ['team'] }));
  });

  await t.test('SDK for JavaScript: wrong keys and another Region', async () => {
    const stranger = squib.clients.microvms;
    const attempt = async (accessKeyId: string, secretAccessKey: string) => {
      stranger.config.credentials = async () => ({ accessKeyId, secretAccessKey });
      const call = stranger.send(new aws.ListMicrovmsCommand({}));
      return call.then(
        () => 'ok',
        (error) => `${error.name} ${error.$metadata.httpStatusCode}`,
      );
    };
    assert.equal(await attempt(house.ann.accessKeyId, 'wrong'), 'InvalidSignatureException 403');
    assert.equal(await attempt('AKIANOBODY0000000000', 'wrong'), 'UnrecognizedClientException 403');
    stranger.destroy();
    const abroad = new aws.LambdaMicrovmsClient({
      ...{ endpoint: `http://127.0.0.1:${squib.config.api.port}`, region: 'us-west-2', maxAttempts: 1 },
      credentials: house.ann,
    });
    const call = abroad.send(new aws.ListMicrovmsCommand({}));
    assert.notEqual(region, 'us-west-2');
    await assert.rejects(call, { name: 'AccessDeniedException' });
    abroad.destroy();
  });
}

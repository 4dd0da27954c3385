// What a user of the AWS CLI reads when squib refuses.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { commandLine } from './command-line-life.ts';
import type { FullHouse } from './full-house.ts';
import { accountId, imageArn, region, type World } from './world.ts';

export async function commandLineErrors(t: TestContext, world: World, house: FullHouse): Promise<void> {
  const { accessKeyId, secretAccessKey } = house.ann;
  const root = commandLine(world, world.env);
  const narrow = commandLine(world, world.narrowEnv);
  const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const ann = commandLine(world, { ...world.env, ...keys });

  await t.test('AWS CLI: every class of error is printed with its name, operation and text', async () => {
    const { image } = world;
    const [first = ''] = house.microvmIds;
    const unknown = imageArn('nothing');
    const net = `arn:aws:lambda:${region}:${accountId}:network-connector:none`;
    const cases: [Promise<unknown>, string][] = [
      [
        root('lambda-microvms', 'get-microvm-image', '--image-identifier', unknown),
        `(ResourceNotFoundException) when calling the GetMicrovmImage operation: MicroVMImage not found for MicroVMImageID: ${unknown}`,
      ],
      [
        root('lambda-microvms', 'run-microvm', '--image-identifier', image),
        '(ServiceQuotaExceededException) when calling the RunMicrovm operation: The base maximum allocated memory limit has been reached for this account.',
      ],
      [
        root('lambda-microvms', 'get-microvm-image', '--image-identifier', 'probe'),
        '(ValidationException) when calling the GetMicrovmImage operation: Invalid ARN format: probe',
      ],
      [
        root('lambda-microvms', 'list-microvms', '--max-results', '51'),
        "(ValidationException) when calling the ListMicrovms operation: 1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50",
      ],
      [
        root('lambda-core', 'get-network-connector', '--identifier', 'none'),
        `(ResourceNotFoundException) when calling the GetNetworkConnector operation: Network connector not found for: ${net}`,
      ],
      [
        root('lambda-microvms', 'tag-resource', '--resource', image, '--tags', 'aws:x=1'),
        '(InvalidParameterValueException) when calling the TagResource operation: The tag key aws:x is reserved',
      ],
      [
        ann('lambda-microvms', 'suspend-microvm', '--microvm-identifier', first),
        `(AccessDeniedException) when calling the SuspendMicrovm operation: User: arn:aws:iam::${accountId}:user/ann is not authorized to perform: lambda:SuspendMicrovm on resource: ${image} because`,
      ],
      // The tests before this one used up what the narrow squib allows.
      [
        narrow('lambda-microvms', 'get-microvm', '--microvm-identifier', first),
        '(ThrottlingException) when calling the GetMicrovm operation',
      ],
      [
        narrow('lambda-core', 'list-network-connectors'),
        '(TooManyRequestsException) when calling the ListNetworkConnectors operation',
      ],
    ];
    const settled = await Promise.allSettled(cases.map(([call]) => call));
    for (const [at, [, text]] of cases.entries()) {
      const outcome = settled[at]!;
      assert.equal(outcome.status, 'rejected', text);
      const { stderr, code } = (outcome as PromiseRejectedResult).reason;
      assert.equal(code, 255);
      assert.ok(stderr.includes(`An error occurred ${text}`), stderr);
    }
  });
}

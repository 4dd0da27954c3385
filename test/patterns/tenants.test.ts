// Agents of many tenants: the template asks for more services than squib has.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aws } from '../support/aws-cli.ts';
import { suspend } from '../support/lifecycle.ts';
import { TestSquib } from '../support/squib.ts';
import { script, tryScript } from './support.ts';

let squib: TestSquib;
before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

const stackArgs = ['--stack-name', 'tenants'];

test('what squib does not have is refused by name before anything is made', async () => {
  const { code, stderr } = await tryScript(squib, 'tenants/deploy.sh');
  assert.notEqual(code, 0);
  assert.match(
    stderr,
    /Unrecognized resource types: \[AWS::EC2::VPC, AWS::EC2::Subnet, AWS::EC2::SecurityGroup, AWS::DynamoDB::Table\]\. squib has: /,
  );
  const { StackSummaries } = await aws(squib, ['cloudformation', 'list-stacks']);
  assert.deepEqual(StackSummaries, []);
  assert.deepEqual((await aws(squib, ['iam', 'list-roles'])).Roles, []);
});

test('with skipUnsupported the stack is made without it, and says so', async () => {
  await squib.down('SIGTERM');
  squib.config.cloudFormation = { skipUnsupported: true };
  await squib.up();
  await script(squib, 'tenants/deploy.sh');
  const { StackEvents } = await aws(squib, ['cloudformation', 'describe-stack-events', ...stackArgs]);
  const skipped = StackEvents.filter(
    ({ ResourceStatus }: { ResourceStatus: string }) => ResourceStatus === 'CREATE_SKIPPED',
  );
  assert.deepEqual(skipped.map((event: { LogicalResourceId: string }) => event.LogicalResourceId).sort(), [
    ...['SecurityGroup', 'Subnet', 'TenantsTable', 'Vpc'],
  ]);
  const { Stacks } = await aws(squib, ['cloudformation', 'describe-stacks', ...stackArgs]);
  const outputs = Object.fromEntries(
    Stacks[0].Outputs.map((each: { OutputKey: string; OutputValue: string }) => [
      each.OutputKey,
      each.OutputValue,
    ]),
  );
  assert.equal(outputs.TenantsTable, 'not-in-squib-TenantsTable');
  const connector = await aws(squib, [
    ...['lambda-core', 'get-network-connector', '--identifier', outputs.EgressConnectorArn],
  ]);
  const { SubnetIds, SecurityGroupIds } = connector.Configuration.VpcEgressConfiguration;
  assert.deepEqual([SubnetIds, SecurityGroupIds], [['subnet-tenantssubnet'], ['sg-tenantssecuritygroup']]);
});

test('each tenant has an agent of its own, which is there again when it was asleep', async () => {
  const [ann = '', ben = ''] = await Promise.all(
    ['ann', 'ben'].map(async (name) => (await script(squib, 'tenants/add-tenant.sh', [name])).trim()),
  );
  const say = async (id: string, message: string) =>
    JSON.parse(await script(squib, 'tenants/chat.sh', [id, message]));
  assert.deepEqual(await say(ann, 'one'), { tenant: 'ann', heard: ['one'] });
  assert.deepEqual(await say(ben, 'two'), { tenant: 'ben', heard: ['two'] });
  await suspend(squib, ann);
  assert.deepEqual(await say(ann, 'three'), { tenant: 'ann', heard: ['one', 'three'] });
  const stranger = await script(squib, 'tenants/chat.sh', [ben, 'hello'], { GATEWAY_TOKEN: 'wrong' });
  assert.deepEqual(JSON.parse(stranger), { error: 'who are you?' });
});

test('teardown.sh leaves nothing', async () => {
  await script(squib, 'tenants/teardown.sh');
  assert.deepEqual((await aws(squib, ['lambda-microvms', 'list-microvm-images'])).items, []);
  assert.deepEqual((await aws(squib, ['s3api', 'list-buckets'])).Buckets, []);
});

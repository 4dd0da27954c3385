// IAM and STS through the real AWS CLI: roles as scripts make them, and what their temporary keys may do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aws, type Keys } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

const account = '000000000000';
const trust = (principal: object, more: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...more }],
  });
const allow = (Action: string | string[], Resource: string | string[] = '*') =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource }] });
const byAccount = trust({ AWS: `arn:aws:iam::${account}:root` });
const name = ['--role-name', 'reader'];

let squib: TestSquib;
const cli = (line: string, ...more: string[]) => aws(squib, [...line.split(' '), ...more]);
const assume = async (role: string, ...more: string[]): Promise<Keys> => {
  const arn = `arn:aws:iam::${account}:role/${role}`;
  const args = ['--role-arn', arn, '--role-session-name', 'me', ...more];
  return (await aws(squib, ['sts', 'assume-role', ...args])).Credentials;
};

before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

test('a role with inline and managed policies, made, read, changed and deleted by the CLI', async () => {
  const { Role } = await cli(
    'iam create-role --tags Key=a,Value=b',
    ...name,
    '--assume-role-policy-document',
    byAccount,
  );
  assert.equal(Role.Arn, `arn:aws:iam::${account}:role/reader`);
  assert.match(Role.RoleId, /^AROA/);
  assert.equal(Role.AssumeRolePolicyDocument.Version, '2012-10-17');
  await assert.rejects(
    cli('iam create-role', ...name, '--assume-role-policy-document', byAccount),
    /EntityAlreadyExists.*Role with name reader already exists/,
  );
  await cli(
    'iam put-role-policy --policy-name lists',
    ...name,
    '--policy-document',
    allow('s3:ListAllMyBuckets'),
  );
  const shown = await cli('iam get-role-policy --policy-name lists', ...name);
  assert.equal(shown.PolicyDocument.Statement[0].Action, 's3:ListAllMyBuckets');
  const { Policy } = await cli(
    'iam create-policy --policy-name logs',
    '--policy-document',
    allow('logs:DescribeLogGroups'),
  );
  await cli(`iam attach-role-policy --policy-arn ${Policy.Arn}`, ...name);
  const basic = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
  await cli(`iam attach-role-policy --policy-arn ${basic}`, ...name);
  assert.deepEqual(await cli('iam list-role-policies', ...name), { PolicyNames: ['lists'] });
  const { AttachedPolicies } = await cli('iam list-attached-role-policies', ...name);
  assert.deepEqual(
    AttachedPolicies.map((each: { PolicyName: string }) => each.PolicyName),
    [...['logs', 'AWSLambdaBasicExecutionRole']],
  );
  assert.equal((await cli(`iam get-policy --policy-arn ${Policy.Arn}`)).Policy.AttachmentCount, 1);
  assert.deepEqual(await cli('iam list-role-tags', ...name), { Tags: [{ Key: 'a', Value: 'b' }] });
  assert.deepEqual(await cli('iam list-instance-profiles-for-role', ...name), { InstanceProfiles: [] });
  await assert.rejects(cli('iam delete-role', ...name), /DeleteConflict/);
  await assert.rejects(cli(`iam delete-policy --policy-arn ${Policy.Arn}`), /DeleteConflict/);
  assert.equal((await cli('iam get-user')).User.UserName, 'root');
});

test('what squib could not enforce is refused', async () => {
  const odd = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*', Condition: { Odd: { a: 'b' } } }],
  });
  await assert.rejects(
    cli('iam put-role-policy --policy-name odd', ...name, '--policy-document', odd),
    /MalformedPolicyDocument/,
  );
  await assert.rejects(
    cli('iam create-role --role-name other', '--assume-role-policy-document', allow('sts:AssumeRole')),
    /MalformedPolicyDocument/,
  );
});

test('temporary keys of a role may do what its policies allow, and follow their changes at once', async () => {
  const keys = await assume('reader');
  assert.match(keys.AccessKeyId, /^ASIA/);
  const as = (line: string) => aws(squib, line.split(' '), keys);
  assert.equal((await as('sts get-caller-identity')).Arn, `arn:aws:sts::${account}:assumed-role/reader/me`);
  await as('s3api list-buckets');
  await as('logs describe-log-groups');
  await assert.rejects(as('s3api create-bucket --bucket theirs'), /AccessDenied/);
  await assert.rejects(
    as('iam list-roles'),
    /AccessDenied.*assumed-role\/reader\/me is not authorized.*iam:ListRoles/,
  );
  await cli('iam delete-role-policy --policy-name lists', ...name);
  await assert.rejects(as('s3api list-buckets'), /AccessDenied/);
  const { SessionToken: _, ...bare } = keys;
  await assert.rejects(aws(squib, ['sts', 'get-caller-identity'], bare), /InvalidClientTokenId/);

  await squib.down();
  await squib.up();
  await as('logs describe-log-groups');
});

test('a session policy limits what the role may do', async () => {
  const keys = await assume('reader', '--policy', allow('s3:*'));
  await assert.rejects(aws(squib, ['logs', 'describe-log-groups'], keys), /AccessDenied/);
});

test('only whom the trust policy admits may assume a role', async () => {
  await cli(
    'iam create-role --role-name lambda-only',
    '--assume-role-policy-document',
    trust({ Service: 'lambda.amazonaws.com' }),
  );
  await assert.rejects(
    assume('lambda-only'),
    /AccessDenied.*sts:AssumeRole on resource: arn:aws:iam::0+:role\/lambda-only/,
  );
  await assert.rejects(assume('nobody'), /AccessDenied/);
  const secret = { Condition: { StringEquals: { 'sts:ExternalId': 'x1' } } };
  await cli(
    'iam create-role --role-name guarded',
    '--assume-role-policy-document',
    trust({ AWS: account }, secret),
  );
  await assert.rejects(assume('guarded'), /AccessDenied/);
  await assume('guarded', '--external-id', 'x1');
  // A role needs a permission of its own to take on another role that only trusts the account.
  const keys = await assume('reader');
  const chain = ['sts', 'assume-role', '--role-session-name', 'me', '--external-id', 'x1', '--role-arn'];
  await assert.rejects(aws(squib, [...chain, `arn:aws:iam::${account}:role/guarded`], keys), /AccessDenied/);
});

test('a role that Lambda cannot assume cannot be passed to it', async () => {
  const image = ['--name', 'x', '--base-image-arn', squib.baseImageArn, '--code-artifact', 'uri=s3://b-1/k'];
  await assert.rejects(
    cli(
      'lambda-microvms create-microvm-image',
      ...image,
      '--build-role-arn',
      `arn:aws:iam::${account}:role/reader`,
    ),
    /AccessDeniedException.*iam:PassRole on resource: arn:aws:iam::0+:role\/reader/,
  );
});

test('GetSessionToken gives temporary keys with the rights of the caller; a deleted role ends its sessions', async () => {
  const { Credentials } = await cli('sts get-session-token');
  assert.match((await aws(squib, ['sts', 'get-caller-identity'], Credentials)).Arn, /:root$/);
  await assert.rejects(aws(squib, ['sts', 'get-session-token'], Credentials), /AccessDenied/);
  const keys = await assume('guarded', '--external-id', 'x1');
  await cli('iam delete-role --role-name guarded');
  await assert.rejects(aws(squib, ['sts', 'get-caller-identity'], keys), /InvalidClientTokenId/);
});

test('an action that squib does not have names those that it has', async () => {
  await assert.rejects(
    cli('iam list-saml-providers'),
    /InvalidAction.*squib's iam does not have the action ListSAMLProviders/,
  );
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AccessRule } from '../../src/authorization/actions.ts';
import { authorizeHandlers } from '../../src/authorization/authorize-handlers.ts';
import { Authorizer } from '../../src/authorization/authorizer.ts';
import type { Facts } from '../../src/authorization/facts.ts';
import type { Identity } from '../../src/authorization/identity.ts';
import { parsePolicy } from '../../src/authorization/policy/policy.ts';
import type { Caller } from '../../src/aws/caller.ts';
import { ServiceError } from '../../src/errors/service-error.ts';

const ann = 'arn:aws:iam::000000000000:user/ann';
const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:demo';
const caller: Caller = {
  ...{ accountId: '000000000000', accessKeyId: 'ANN', arn: ann, userId: 'AIDAANN' },
  ...{ region: 'us-east-1', requestId: 'r' },
};
const run = { action: 'lambda:RunMicrovm', resource: image };

function authorizer(statements: object | object[], now = 0): Authorizer {
  const policy = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }));
  const identities: Record<string, Identity> = {
    ROOT: { root: true, policies: [] },
    ANN: { root: false, policies: [policy], userName: 'ann' },
  };
  return new Authorizer({ identities: (key) => identities[key], now: () => now });
}

const refusal = (check: () => void): string => {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, 'AccessDenied');
    return error.message;
  }
  assert.fail('it was allowed');
};

test("denials are AWS's sentences", () => {
  const allowRun = { Effect: 'Allow', Action: 'lambda:RunMicrovm', Resource: '*' };
  const implicit = refusal(() => authorizer({ ...allowRun, Action: 's3:*' }).check(caller, [run]));
  assert.equal(
    implicit,
    `User: ${ann} is not authorized to perform: lambda:RunMicrovm on resource: ${image} because no identity-based policy allows the lambda:RunMicrovm action`,
  );
  const explicit = refusal(() =>
    authorizer([allowRun, { ...allowRun, Effect: 'Deny' }]).check(caller, [run]),
  );
  assert.equal(
    explicit,
    `User: ${ann} is not authorized to perform: lambda:RunMicrovm on resource: ${image} with an explicit deny in an identity-based policy`,
  );
  const pass = { action: 'iam:PassRole', resource: 'arn:aws:iam::000000000000:role/r' };
  const missing = refusal(() => authorizer(allowRun).check(caller, [run, pass]));
  assert.match(missing, /perform: iam:PassRole on resource: arn:aws:iam::000000000000:role\/r because/);
});

test('root may do everything, a credential that is gone nothing', () => {
  const nothing = authorizer({ Effect: 'Deny', Action: '*', Resource: '*' });
  nothing.check({ ...caller, accessKeyId: 'ROOT' }, [run]);
  const all = authorizer({ Effect: 'Allow', Action: '*', Resource: '*' });
  all.check(caller, [run]);
  assert.match(
    refusal(() => all.check({ ...caller, accessKeyId: 'GONE' }, [run])),
    /no identity-based/,
  );
});

describe('condition keys of the caller and the request', () => {
  const rows: [key: string, operator: string, value: string, fits: boolean][] = [
    ['aws:PrincipalArn', 'ArnLike', 'arn:aws:iam::*:user/a*', true],
    ['aws:PrincipalAccount', 'StringEquals', '000000000000', true],
    ['aws:PrincipalType', 'StringEquals', 'User', true],
    ['aws:username', 'StringEquals', 'ann', true],
    ['aws:userid', 'StringEquals', 'AIDAANN', true],
    ['aws:RequestedRegion', 'StringEquals', 'us-east-1', true],
    ['aws:RequestedRegion', 'StringEquals', 'eu-west-1', false],
    ['aws:SourceIp', 'IpAddress', '192.0.2.0/24', true],
    ['aws:SourceIp', 'IpAddress', '198.51.100.0/24', false],
    ['aws:SecureTransport', 'Bool', 'false', true],
    ['aws:UserAgent', 'StringLike', 'aws-cli/*', true],
    ['aws:CurrentTime', 'DateLessThan', '1970-01-02T00:00:00Z', true],
    ['aws:EpochTime', 'NumericEquals', '60', true],
    ['aws:ViaAWSService', 'Bool', 'false', true],
  ];
  for (const [key, operator, value, fits] of rows) {
    test(`${key} ${operator} ${value}: ${fits}`, () => {
      const Condition = { [operator]: { [key]: value } };
      const subject = authorizer({ Effect: 'Allow', Action: '*', Resource: '*', Condition }, 60_000);
      const origin = { sourceIp: '192.0.2.7', secureTransport: false, userAgent: 'aws-cli/2.0' };
      assert.equal(subject.decide({ ...caller, ...origin }, run), fits ? 'allow' : 'implicitDeny');
    });
  }
  test('an unknown source address does not pass for any network', () => {
    const Condition = { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' } };
    const everything = { Effect: 'Allow', Action: '*', Resource: '*' };
    const subject = authorizer([everything, { ...everything, Effect: 'Deny', Condition }]);
    assert.equal(subject.decide(caller, run), 'explicitDeny');
  });
});

test('tags decide: attribute-based access', () => {
  const Condition = { StringEquals: { 'aws:ResourceTag/team': 'blue' } };
  const subject = authorizer({ Effect: 'Allow', Action: 'lambda:*', Resource: '*', Condition });
  subject.check(caller, [{ ...run, context: { 'aws:ResourceTag/team': 'blue' } }]);
  refusal(() => subject.check(caller, [{ ...run, context: { 'aws:ResourceTag/team': 'red' } }]));
  refusal(() => subject.check(caller, [run]));
});

test('handlers are called only for those who may', async () => {
  const done: string[] = [];
  const handlers = { Run: async ({ id }: { id: string }, _caller: Caller) => done.push(id) };
  const rules: { Run: AccessRule<{ id: string }> } = {
    Run: ({ id }) => [{ action: 'x:Run', resource: `arn:aws:x:::${id}` }],
  };
  const subject = authorizer({ Effect: 'Allow', Action: 'x:Run', Resource: 'arn:aws:x:::mine' });
  const facts = {} as Facts;
  const guarded = authorizeHandlers(handlers, rules, { authorizer: subject, facts });
  await guarded.Run({ id: 'mine' }, caller);
  await assert.rejects(guarded.Run({ id: 'yours' }, caller), /arn:aws:x:::yours/);
  assert.deepEqual(done, ['mine']);
  const noRules = {} as typeof rules;
  assert.throws(
    () => authorizeHandlers(handlers, noRules, { authorizer: subject, facts }),
    /no rule .* for Run/,
  );
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Decision, evaluate } from '../../src/authorization/policy/evaluate.ts';
import { parsePolicy } from '../../src/authorization/policy/policy.ts';
import type { ContextEntries } from '../../src/authorization/policy/request-context.ts';

const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:demo';

interface Asked {
  action?: string;
  resource?: string;
  context?: ContextEntries;
}

function decide(statements: object | object[], asked: Asked = {}, version = '2012-10-17'): Decision {
  const policy = parsePolicy(JSON.stringify({ Version: version, Statement: statements }));
  return evaluate([policy], {
    principalArn: 'arn:aws:iam::000000000000:user/ann',
    action: 'lambda:RunMicrovm',
    resource: image,
    context: {},
    ...asked,
  });
}

const allow = (more: object = {}) => ({
  Effect: 'Allow',
  Action: 'lambda:RunMicrovm',
  Resource: '*',
  ...more,
});
const deny = (more: object = {}) => ({ ...allow(more), Effect: 'Deny' });

describe('the order of statements does not matter, a Deny wins', () => {
  test('nothing said is an implicit deny', () => {
    assert.equal(
      evaluate([], { principalArn: 'a', action: 'b:c', resource: '*', context: {} }),
      'implicitDeny',
    );
    assert.equal(decide(allow({ Action: 's3:*' })), 'implicitDeny');
  });
  test('allow, then deny; deny, then allow', () => {
    assert.equal(decide([allow()]), 'allow');
    assert.equal(decide([allow(), deny()]), 'explicitDeny');
    assert.equal(decide([deny(), allow()]), 'explicitDeny');
    assert.equal(decide([allow(), allow({ Action: 's3:*' }), deny({ Action: 's3:*' })]), 'allow');
  });
  test('a Deny in another policy wins as well', () => {
    const read = (statement: object) => parsePolicy(JSON.stringify({ Statement: statement }));
    const asked = { principalArn: 'p', action: 'lambda:RunMicrovm', resource: '*', context: {} };
    assert.equal(evaluate([read(allow()), read(deny())], asked), 'explicitDeny');
  });
});

describe('actions', () => {
  const cases: [statement: object, action: string, allowed: boolean][] = [
    [{ Action: '*' }, 'lambda:RunMicrovm', true],
    [{ Action: 'lambda:*' }, 'lambda:RunMicrovm', true],
    [{ Action: 'LAMBDA:runmicrovm' }, 'lambda:RunMicrovm', true],
    [{ Action: 'lambda:Run*' }, 'lambda:RunMicrovm', true],
    [{ Action: 'lambda:*Microvm' }, 'lambda:RunMicrovm', true],
    [{ Action: 'lambda:*Microvm' }, 'lambda:RunMicrovms', false],
    [{ Action: 'lambda:R?nMicrovm' }, 'lambda:RunMicrovm', true],
    [{ Action: 'lambda:R?nMicrovm' }, 'lambda:RnMicrovm', false],
    [{ Action: 'lambda:Get*' }, 'lambda:RunMicrovm', false],
    [{ Action: ['s3:*', 'lambda:RunMicrovm'] }, 'lambda:RunMicrovm', true],
    [{ Action: undefined, NotAction: 's3:*' }, 'lambda:RunMicrovm', true],
    [{ Action: undefined, NotAction: ['s3:*', 'lambda:*'] }, 'lambda:RunMicrovm', false],
  ];
  for (const [statement, action, allowed] of cases) {
    test(`${JSON.stringify(statement)} and ${action}: ${allowed}`, () => {
      assert.equal(decide(allow(statement), { action }), allowed ? 'allow' : 'implicitDeny');
    });
  }
});

describe('resources', () => {
  const cases: [statement: object, resource: string, allowed: boolean][] = [
    [{ Resource: '*' }, image, true],
    [{ Resource: '*' }, '*', true],
    [{ Resource: image }, image, true],
    [{ Resource: image }, '*', false],
    [{ Resource: image }, `${image}2`, false],
    [{ Resource: image.toUpperCase().replace('ARN', 'arn') }, image, false],
    [{ Resource: 'arn:aws:lambda:*:*:microvm-image:*' }, image, true],
    [{ Resource: 'arn:aws:lambda:us-east-?:000000000000:microvm-image:d?mo' }, image, true],
    [{ Resource: 'arn:*' }, image, true],
    [{ Resource: 'arn:aws:s3:::b/*' }, 'arn:aws:s3:::b/a/deep/key', true],
    [{ Resource: 'arn:aws:s3:::b/*.zip' }, 'arn:aws:s3:::b/a.zip.txt', false],
    [{ Resource: ['arn:aws:s3:::x', image] }, image, true],
    [{ Resource: undefined, NotResource: image }, image, false],
    [{ Resource: undefined, NotResource: `${image}2` }, image, true],
    // Wildcards in what is asked for are text.
    [{ Resource: 'arn:aws:s3:::b/a' }, 'arn:aws:s3:::b/*', false],
  ];
  for (const [statement, resource, allowed] of cases) {
    test(`${JSON.stringify(statement)} and ${resource}: ${allowed}`, () => {
      assert.equal(decide(allow(statement), { resource }), allowed ? 'allow' : 'implicitDeny');
    });
  }
});

describe('conditions', () => {
  type Row = [condition: object, context: ContextEntries, holds: boolean];
  const rows: Row[] = [
    [{ StringEquals: { 'aws:RequestTag/Team': 'blue' } }, { 'aws:RequestTag/Team': 'blue' }, true],
    [{ StringEquals: { 'aws:requesttag/team': 'blue' } }, { 'aws:RequestTag/Team': 'blue' }, true],
    [{ StringEquals: { 'aws:RequestTag/Team': 'blue' } }, { 'aws:RequestTag/Team': 'Blue' }, false],
    [{ StringEquals: { 'aws:RequestTag/Team': ['red', 'blue'] } }, { 'aws:RequestTag/Team': 'blue' }, true],
    [{ StringEquals: { 'aws:RequestTag/Team': 'b*' } }, { 'aws:RequestTag/Team': 'blue' }, false],
    [{ StringEquals: { 'aws:RequestTag/Team': 'blue' } }, {}, false],
    [{ StringEqualsIfExists: { 'aws:RequestTag/Team': 'blue' } }, {}, true],
    [{ StringEqualsIfExists: { 'aws:RequestTag/Team': 'blue' } }, { 'aws:RequestTag/Team': 'red' }, false],
    [{ StringNotEquals: { 'aws:RequestTag/Team': 'blue' } }, {}, true],
    [{ StringNotEquals: { 'aws:RequestTag/Team': 'blue' } }, { 'aws:RequestTag/Team': 'blue' }, false],
    [{ StringNotEquals: { 'aws:RequestTag/Team': ['a', 'b'] } }, { 'aws:RequestTag/Team': 'b' }, false],
    [{ StringEqualsIgnoreCase: { 'aws:username': 'ANN' } }, { 'aws:username': 'ann' }, true],
    [{ StringNotEqualsIgnoreCase: { 'aws:username': 'ANN' } }, { 'aws:username': 'ann' }, false],
    [{ StringLike: { 's3:prefix': 'home/*' } }, { 's3:prefix': 'home/ann/x' }, true],
    [{ StringLike: { 's3:prefix': 'home/?' } }, { 's3:prefix': 'home/ann' }, false],
    [{ StringNotLike: { 's3:prefix': 'home/*' } }, { 's3:prefix': 'home/ann' }, false],
    [{ StringEquals: { 'aws:username': '' } }, { 'aws:username': '' }, true],

    [
      { ArnLike: { 'aws:SourceArn': 'arn:aws:lambda:*:*:microvm-image:*' } },
      { 'aws:SourceArn': image },
      true,
    ],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:*:demo' } }, { 'aws:SourceArn': image }, false],
    [{ ArnEquals: { 'aws:SourceArn': image } }, { 'aws:SourceArn': image }, true],
    [
      { ArnEquals: { 'aws:SourceArn': 'arn:aws:lambda:*:*:microvm-image:*' } },
      { 'aws:SourceArn': image },
      true,
    ],
    [{ ArnNotLike: { 'aws:SourceArn': image } }, { 'aws:SourceArn': image }, false],
    [{ ArnNotEquals: { 'aws:SourceArn': image } }, {}, true],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::b*' } }, { 'aws:SourceArn': 'no arn' }, false],
    [{ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/a*' } }, {}, true],

    [{ Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': true }, true],
    [{ Bool: { 'aws:SecureTransport': false } }, { 'aws:SecureTransport': true }, false],
    [{ Bool: { 'aws:SecureTransport': 'TRUE' } }, { 'aws:SecureTransport': true }, true],
    [{ Bool: { 'aws:SecureTransport': 'true' } }, {}, false],
    [{ BoolIfExists: { 'aws:SecureTransport': 'true' } }, {}, true],

    [{ NumericEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': 10 }, true],
    [{ NumericEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': '10.0' }, true],
    [{ NumericNotEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': 10 }, false],
    [{ NumericLessThan: { 's3:max-keys': 10 } }, { 's3:max-keys': 10 }, false],
    [{ NumericLessThanEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': 10 }, true],
    [{ NumericGreaterThan: { 's3:max-keys': 9 } }, { 's3:max-keys': 10 }, true],
    [{ NumericGreaterThanEquals: { 's3:max-keys': 11 } }, { 's3:max-keys': 10 }, false],
    [{ NumericLessThan: { 's3:max-keys': 10 } }, { 's3:max-keys': 'many' }, false],

    [
      { DateLessThan: { 'aws:CurrentTime': '2027-01-01T00:00:00Z' } },
      { 'aws:CurrentTime': new Date(0) },
      true,
    ],
    [{ DateGreaterThan: { 'aws:CurrentTime': '2027-01-01' } }, { 'aws:CurrentTime': new Date(0) }, false],
    [{ DateEquals: { 'aws:EpochTime': '1970-01-01T00:01:00Z' } }, { 'aws:EpochTime': 60 }, true],
    [{ DateNotEquals: { 'aws:EpochTime': '60' } }, { 'aws:EpochTime': 60 }, false],
    [{ DateLessThanEquals: { 'aws:EpochTime': '60' } }, { 'aws:EpochTime': 60 }, true],
    [{ DateGreaterThanEquals: { 'aws:EpochTime': '61' } }, { 'aws:EpochTime': 60 }, false],
    [
      { DateLessThan: { 'aws:CurrentTime': '1970-01-01T02:00:00+01:00' } },
      { 'aws:CurrentTime': new Date(3600000) },
      false,
    ],

    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '10.200.3.4' }, true],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '11.0.0.1' }, false],
    [{ IpAddress: { 'aws:SourceIp': '10.1.2.3' } }, { 'aws:SourceIp': '10.1.2.3' }, true],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '::ffff:10.0.0.1' }, true],
    [{ IpAddress: { 'aws:SourceIp': 'fd00::/8' } }, { 'aws:SourceIp': 'fd12::1' }, true],
    [{ IpAddress: { 'aws:SourceIp': 'fd00::/8' } }, { 'aws:SourceIp': '10.0.0.1' }, false],
    [{ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, { 'aws:SourceIp': '8.8.8.8' }, true],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '10.0.0.1' }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, {}, true],

    [{ Null: { 'aws:TagKeys': 'true' } }, {}, true],
    [{ Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': [] }, true],
    [{ Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': ['a'] }, false],
    [{ Null: { 'aws:TagKeys': false } }, { 'aws:TagKeys': ['a'] }, true],

    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a'] }, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, {}, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['a', 'c'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } }, { 'aws:TagKeys': ['c'] }, false],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, {}, false],
    [{ 'ForAnyValue:StringEqualsIfExists': { 'aws:TagKeys': 'a' } }, {}, true],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['b', 'c'] }, true],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['b', 'a'] }, false],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['b', 'a'] }, true],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'a' } }, {}, false],
    [
      { 'ForAllValues:StringLike': { 'lambda:SubnetIds': 'subnet-a*' } },
      { 'lambda:SubnetIds': ['subnet-a1', 'subnet-b1'] },
      false,
    ],

    // All operators and all keys must hold; one value of each is enough.
    [
      { StringEquals: { 'aws:username': 'ann', 'aws:userid': 'X' } },
      { 'aws:username': 'ann', 'aws:userid': 'X' },
      true,
    ],
    [{ StringEquals: { 'aws:username': 'ann', 'aws:userid': 'X' } }, { 'aws:username': 'ann' }, false],
    [
      { StringEquals: { 'aws:username': 'ann' }, Bool: { 'aws:ViaAWSService': true } },
      { 'aws:username': 'ann' },
      false,
    ],
  ];
  for (const [condition, context, holds] of rows) {
    test(`${JSON.stringify(condition)} with ${JSON.stringify(context)}: ${holds}`, () => {
      const Condition = condition;
      assert.equal(decide(allow({ Condition }), { context }), holds ? 'allow' : 'implicitDeny');
      assert.equal(decide(deny({ Condition }), { context }), holds ? 'explicitDeny' : 'implicitDeny');
    });
  }

  test('several values without a quantifier: all for an Allow, one for a Deny', () => {
    const Condition = { StringEquals: { 'aws:TagKeys': 'a' } };
    const context = { 'aws:TagKeys': ['a', 'b'] };
    assert.equal(decide(allow({ Condition }), { context }), 'implicitDeny');
    assert.equal(decide(deny({ Condition }), { context }), 'explicitDeny');
  });

  test('a tag cannot hide behind another that differs in case only', () => {
    const Condition = { StringEquals: { 'aws:RequestTag/team': 'blue' } };
    const context = { 'aws:RequestTag/team': 'blue', 'aws:RequestTag/Team': 'red' };
    assert.equal(decide(allow({ Condition }), { context }), 'implicitDeny');
  });
});

describe('policy variables', () => {
  const home = { Resource: `arn:aws:s3:::b/\${aws:username}/*` };
  const context = { 'aws:username': 'ann' };

  test('stand for the value of the request', () => {
    assert.equal(decide(allow(home), { resource: 'arn:aws:s3:::b/ann/x', context }), 'allow');
    assert.equal(decide(allow(home), { resource: 'arn:aws:s3:::b/bob/x', context }), 'implicitDeny');
    const own = { Condition: { StringEquals: { 'aws:ResourceTag/owner': `\${aws:username}` } } };
    const tagged = { ...context, 'aws:ResourceTag/owner': 'ann' };
    assert.equal(decide(allow(own), { context: tagged }), 'allow');
    assert.equal(decide(allow(own), { context: { ...tagged, 'aws:username': 'bob' } }), 'implicitDeny');
  });
  test('bring no wildcards with them', () => {
    const star = { 'aws:username': '*' };
    assert.equal(decide(allow(home), { resource: 'arn:aws:s3:::b/bob/x', context: star }), 'implicitDeny');
    assert.equal(decide(allow(home), { resource: 'arn:aws:s3:::b/*/x', context: star }), 'allow');
  });
  test('without a value make an Allow narrower and leave the rest of a Deny', () => {
    assert.equal(decide(allow(home), { resource: 'arn:aws:s3:::b//x' }), 'implicitDeny');
    const elsewhere = { Resource: undefined, NotResource: home.Resource };
    assert.equal(decide(allow(elsewhere), { resource: 'arn:aws:s3:::b/ann/x' }), 'implicitDeny');
    assert.equal(decide(deny(elsewhere), { resource: 'arn:aws:s3:::b/ann/x' }), 'explicitDeny');
    const notMine = { Condition: { StringNotEquals: { 'aws:ResourceTag/owner': `\${aws:username}` } } };
    const tagged = { 'aws:ResourceTag/owner': 'ann' };
    assert.equal(decide(allow(notMine), { context: tagged }), 'implicitDeny');
    assert.equal(decide(deny(notMine), { context: tagged }), 'explicitDeny');
  });
  test('take their default', () => {
    const fallback = { Resource: `arn:aws:s3:::b/\${aws:PrincipalTag/team, 'all'}` };
    assert.equal(decide(allow(fallback), { resource: 'arn:aws:s3:::b/all' }), 'allow');
    const given = { 'aws:PrincipalTag/team': 'blue' };
    assert.equal(decide(allow(fallback), { resource: 'arn:aws:s3:::b/all', context: given }), 'implicitDeny');
  });
  test('can spell a literal *, ? and $', () => {
    const literal = { Resource: `arn:aws:s3:::\${*}\${?}\${$}` };
    assert.equal(decide(allow(literal), { resource: 'arn:aws:s3:::*?$' }), 'allow');
    assert.equal(decide(allow(literal), { resource: 'arn:aws:s3:::ab$' }), 'implicitDeny');
  });
  test('are text in a policy of 2008', () => {
    assert.equal(
      decide(allow(home), { resource: 'arn:aws:s3:::b/ann/x', context }, '2008-10-17'),
      'implicitDeny',
    );
    const text = `arn:aws:s3:::b/\${aws:username}/x`;
    assert.equal(decide(allow(home), { resource: text, context }, '2008-10-17'), 'allow');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_POLICY_CHARACTERS, parsePolicy } from '../../src/authorization/policy/policy.ts';
import { PolicyError } from '../../src/authorization/policy/policy-error.ts';

const statement = { Effect: 'Allow', Action: 'lambda:*', Resource: '*' };
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const withCondition = (Condition: unknown) => policy({ ...statement, Condition } as object);

describe('policy documents that are refused', () => {
  const cases: [name: string, text: string, message: RegExp][] = [
    ['no JSON', '{', /is not JSON/],
    ['a list', '[]', /must be a JSON object/],
    ['another version', '{"Version":"2020-01-01","Statement":[]}', /^Version .*2012-10-17/],
    ['no statement', '{"Version":"2012-10-17"}', /at least one statement/],
    ['an empty list of statements', '{"Version":"2012-10-17","Statement":[]}', /at least one statement/],
    ['an unknown member', '{"Version":"2012-10-17","Statements":[]}', /'Statements'/],
    ['a statement that is text', policy('x' as unknown as object), /Statement\[0\] .*object/],
    ['a principal', policy({ ...statement, Principal: '*' }), /must not name a Principal/],
    ['an unknown member of a statement', policy({ ...statement, Resources: '*' }), /'Resources'/],
    ['a Sid with spaces', policy({ ...statement, Sid: 'a b' }), /Sid .*letters and digits/],
    ['the same Sid twice', policy({ ...statement, Sid: 'a' }, { ...statement, Sid: 'a' }), /'a'/],
    ['an effect in lower case', policy({ ...statement, Effect: 'allow' }), /Effect .*'Allow' or 'Deny'/],
    ['no action', policy({ Effect: 'Allow', Resource: '*' }), /must have Action or NotAction/],
    ['no resource', policy({ Effect: 'Allow', Action: '*' }), /must have Resource or NotResource/],
    ['Action and NotAction', policy({ ...statement, NotAction: 's3:*' }), /both Action and NotAction/],
    ['an empty list of actions', policy({ ...statement, Action: [] }), /Action .*must not be empty/],
    ['an action without service', policy({ ...statement, Action: 'RunMicrovm' }), /service:Action/],
    ['an action that is a number', policy({ ...statement, Action: [1] }), /list of strings/],
    ['a resource that is no ARN', policy({ ...statement, Resource: 'image' }), /neither an ARN nor/],
    ['a broken variable', policy({ ...statement, Resource: `arn:\${aws:username` }), /policy variable/],
    ['a condition that is a list', withCondition([]), /Condition .*object/],
    ['an unknown operator', withCondition({ StringEqual: { 'aws:username': 'a' } }), /'StringEqual'/],
    ['an unknown quantifier', withCondition({ 'ForSome:StringEquals': { 'aws:username': 'a' } }), /ForSome/],
    ['NullIfExists', withCondition({ NullIfExists: { 'aws:username': true } }), /Null stands alone/],
    ['a key without service', withCondition({ StringEquals: { username: 'a' } }), /service:key/],
    ['an empty list of values', withCondition({ StringEquals: { 'aws:username': [] } }), /must not be empty/],
    ['a value that is an object', withCondition({ StringEquals: { 'aws:username': {} } }), /list of strings/],
    ['no number', withCondition({ NumericEquals: { 's3:max-keys': 'ten' } }), /'ten', which is no number/],
    ['no date', withCondition({ DateLessThan: { 'aws:CurrentTime': 'soon' } }), /which is no date/],
    ['no boolean', withCondition({ Bool: { 'aws:SecureTransport': 'yes' } }), /which is no boolean/],
    ['no address', withCondition({ IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }), /no IP address/],
    ['a Null of something else', withCondition({ Null: { 'aws:TagKeys': 'no' } }), /'true' or 'false'/],
    [
      'one statement too long',
      policy({ ...statement, Sid: 'a'.repeat(MAX_POLICY_CHARACTERS) }),
      /characters/,
    ],
  ];
  for (const [name, text, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parsePolicy(text),
        (error) => error instanceof PolicyError && message.test(error.message),
      );
    });
  }

  test('a name that stands twice, however it is written', () => {
    const twice = (text: string) => assert.throws(() => parsePolicy(text), /twice in one object/);
    twice('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}');
    twice(
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{' +
        '"StringEquals":{"aws:username":"a"},"String\\u0045quals":{"aws:userid":"b"}}}}',
    );
  });

  test('equal names in different objects and texts that look like structure are no repetition', () => {
    const tricky = { StringEquals: { 'aws:username': ['{"a":1,"a":2}', ':,', '\\"'] } };
    parsePolicy(withCondition({ ...tricky, StringLike: { 'aws:username': 'a' } }));
  });

  test('white space does not count towards the limit', () => {
    parsePolicy(`${' '.repeat(MAX_POLICY_CHARACTERS)}${policy(statement)}`);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Access } from '../../src/authorization/access.ts';
import { type AccessRule, lambdaActions } from '../../src/authorization/actions.ts';
import type { Facts } from '../../src/authorization/facts.ts';
import { logsActions } from '../../src/authorization/logs-actions.ts';
import { s3Accesses } from '../../src/authorization/s3-actions.ts';
import { squibActions } from '../../src/authorization/squib-actions.ts';
import type { Caller } from '../../src/aws/caller.ts';
import { loadModel } from '../../src/aws/protocol/load-model.ts';

const caller: Caller = {
  ...{ accountId: '000000000000', accessKeyId: 'AKIA', arn: 'arn:aws:iam::000000000000:user/ann' },
  ...{ userId: 'AIDA', region: 'us-east-1', requestId: 'r' },
};
const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:demo';
const connector = 'arn:aws:lambda:us-east-1:000000000000:network-connector:nc-1';
const managed = (name: string) =>
  `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`;
const role = 'arn:aws:iam::000000000000:role/r';
const facts: Facts = {
  tagsOf: (arn): Record<string, string> => (arn === image ? { team: 'blue' } : {}),
  imageOfMicrovm: (id) => (id === 'microvm-1' ? image : undefined),
  egressOf: (_arn, version) => [version === '2.0' ? connector : managed('INTERNET_EGRESS')],
  connectorArn: (identifier) => (identifier === 'name' ? connector : identifier),
};

const ask = (operation: string, input: object): Access[] =>
  (lambdaActions as unknown as Record<string, AccessRule<object>>)[operation]!(input, caller, facts);
/** `action resource` of each access. */
const asked = (accesses: Access[]) => accesses.map(({ action, resource }) => `${action} ${resource}`);

test('every operation of both models has a rule that asks for the action of its name first', () => {
  const names = [...(['lambda-microvms', 'lambda-core'] as const)].flatMap((model) =>
    Object.keys(loadModel(model).operations),
  );
  assert.equal(names.length, 29);
  assert.deepEqual(Object.keys(lambdaActions).sort(), names.sort());
  const input = {
    ...{ imageIdentifier: image, microvmIdentifier: 'microvm-1', Identifier: 'name', Resource: image },
    ...{ name: 'demo', buildRoleArn: role, OperatorRole: role, Tags: {}, TagKeys: ['a'] },
  };
  for (const name of names) assert.equal(ask(name, input)[0]?.action, `lambda:${name}`);
});

describe('resources', () => {
  const everywhere = [
    ...['ListMicrovmImages', 'ListManagedMicrovmImages', 'ListManagedMicrovmImageVersions', 'ListMicrovms'],
    'ListNetworkConnectors',
  ];
  for (const name of everywhere) {
    test(`${name}: *`, () =>
      assert.deepEqual(asked(ask(name, { imageIdentifier: image })), [`lambda:${name} *`]));
  }
  const images = [
    ...['DeleteMicrovmImage', 'UpdateMicrovmImageVersion', 'DeleteMicrovmImageVersion', 'GetMicrovmImage'],
    ...[
      'GetMicrovmImageVersion',
      'GetMicrovmImageBuild',
      'ListMicrovmImageVersions',
      'ListMicrovmImageBuilds',
    ],
  ];
  for (const name of images) {
    test(`${name}: the image with its tags`, () => {
      assert.deepEqual(ask(name, { imageIdentifier: image }), [
        { action: `lambda:${name}`, resource: image, context: { 'aws:ResourceTag/team': 'blue' } },
      ]);
    });
  }
  const microvms = [
    ...['GetMicrovm', 'SuspendMicrovm', 'ResumeMicrovm', 'TerminateMicrovm'],
    ...['CreateMicrovmAuthToken', 'CreateMicrovmShellAuthToken'],
  ];
  for (const name of microvms) {
    test(`${name}: the image of the MicroVM with its tags`, () => {
      assert.deepEqual(ask(name, { microvmIdentifier: 'microvm-1' }), [
        { action: `lambda:${name}`, resource: image, context: { 'aws:ResourceTag/team': 'blue' } },
      ]);
      assert.deepEqual(ask(name, { microvmIdentifier: 'microvm-2' }), []);
    });
  }
  for (const name of ['GetNetworkConnector', 'DeleteNetworkConnector']) {
    test(`${name}: the connector, by name too`, () => {
      assert.deepEqual(asked(ask(name, { Identifier: 'name' })), [`lambda:${name} ${connector}`]);
    });
  }
});

describe('what else is needed', () => {
  test('CreateMicrovmImage: default connector, build role, tags', () => {
    const plain = ask('CreateMicrovmImage', { name: 'demo', buildRoleArn: role });
    assert.deepEqual(asked(plain), [
      'lambda:CreateMicrovmImage *',
      `lambda:PassNetworkConnector ${managed('INTERNET_EGRESS')}`,
      `iam:PassRole ${role}`,
    ]);
    assert.deepEqual(plain[2]?.context, { 'iam:PassedToService': 'lambda.amazonaws.com' });
    const tagged = ask('CreateMicrovmImage', {
      ...{ name: 'demo', buildRoleArn: role, tags: { team: 'red' }, egressNetworkConnectors: [connector] },
    });
    assert.deepEqual(asked(tagged), [
      'lambda:CreateMicrovmImage *',
      `lambda:PassNetworkConnector ${connector}`,
      `iam:PassRole ${role}`,
      `lambda:TagResource ${image}`,
    ]);
    const keys = { 'aws:RequestTag/team': 'red', 'aws:TagKeys': ['team'] };
    assert.deepEqual(tagged[0]?.context, keys);
    assert.deepEqual(tagged[3]?.context, keys);
  });
  test('UpdateMicrovmImage: connectors and build role', () => {
    assert.deepEqual(asked(ask('UpdateMicrovmImage', { imageIdentifier: image, buildRoleArn: role })), [
      `lambda:UpdateMicrovmImage ${image}`,
      `lambda:PassNetworkConnector ${managed('INTERNET_EGRESS')}`,
      `iam:PassRole ${role}`,
    ]);
  });
  test('RunMicrovm: every connector, defaults included', () => {
    const passes = (input: object) => asked(ask('RunMicrovm', { imageIdentifier: image, ...input })).slice(1);
    assert.deepEqual(passes({}), [
      `lambda:PassNetworkConnector ${managed('HTTP_INGRESS')}`,
      `lambda:PassNetworkConnector ${managed('INTERNET_EGRESS')}`,
    ]);
    assert.deepEqual(passes({ imageVersion: '2.0', ingressNetworkConnectors: [] }), [
      `lambda:PassNetworkConnector ${managed('HTTP_INGRESS')}`,
      `lambda:PassNetworkConnector ${connector}`,
    ]);
    const given = {
      ingressNetworkConnectors: [managed('HTTP_INGRESS'), managed('SHELL_INGRESS')],
      egressNetworkConnectors: [connector, connector],
      executionRoleArn: role,
    };
    assert.deepEqual(passes(given), [
      `lambda:PassNetworkConnector ${managed('HTTP_INGRESS')}`,
      `lambda:PassNetworkConnector ${managed('SHELL_INGRESS')}`,
      `lambda:PassNetworkConnector ${connector}`,
      `iam:PassRole ${role}`,
    ]);
  });
  test('connectors: operator role, subnets, security groups, tags', () => {
    const vpc = { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] };
    const Configuration = { VpcEgressConfiguration: vpc };
    const [create, pass] = ask('CreateNetworkConnector', {
      OperatorRole: role,
      Configuration,
      Tags: { a: 'b' },
    });
    assert.deepEqual(create, {
      action: 'lambda:CreateNetworkConnector',
      resource: '*',
      context: {
        ...{ 'aws:RequestTag/a': 'b', 'aws:TagKeys': ['a'] },
        ...{ 'lambda:SubnetIds': ['subnet-1'], 'lambda:SecurityGroupIds': ['sg-1'] },
      },
    });
    assert.equal(pass?.resource, role);
    assert.deepEqual(asked(ask('UpdateNetworkConnector', { Identifier: 'name' })), [
      `lambda:UpdateNetworkConnector ${connector}`,
    ]);
  });
  test('tags: keys of the request and of the resource', () => {
    assert.deepEqual(ask('TagResource', { Resource: image, Tags: { a: 'b' } })[0]?.context, {
      ...{ 'aws:ResourceTag/team': 'blue', 'aws:RequestTag/a': 'b', 'aws:TagKeys': ['a'] },
    });
    assert.deepEqual(ask('UntagResource', { Resource: image, TagKeys: ['a'] })[0]?.context, {
      ...{ 'aws:ResourceTag/team': 'blue', 'aws:TagKeys': ['a'] },
    });
  });
});

test("S3's, CloudWatch Logs' and squib's own operations", () => {
  const s3 = (operation: string, request: object) => asked(s3Accesses(operation, request));
  assert.deepEqual(s3('ListBuckets', {}), ['s3:ListAllMyBuckets *']);
  assert.deepEqual(s3('HeadObject', { bucket: 'b', key: 'a/k' }), ['s3:GetObject arn:aws:s3:::b/a/k']);
  assert.deepEqual(s3('CopyObject', { bucket: 'b', key: 'k', source: { bucket: 'c', key: 'x' } }), [
    ...['s3:PutObject arn:aws:s3:::b/k', 's3:GetObject arn:aws:s3:::c/x'],
  ]);
  assert.deepEqual(s3('DeleteObjects', { bucket: 'b', keys: ['x', 'y'] }), [
    ...['s3:DeleteObject arn:aws:s3:::b/x', 's3:DeleteObject arn:aws:s3:::b/y'],
  ]);
  assert.deepEqual(
    s3Accesses('ListObjectsV2', { bucket: 'b', prefix: 'p/' })[0]?.context?.['s3:prefix'],
    'p/',
  );
  assert.throws(() => s3('toString', {}), /no rule of authorization/);

  const group = 'arn:aws:logs:us-east-1:000000000000:log-group:/g';
  assert.deepEqual(asked(logsActions.FilterLogEvents!({ logGroupName: '/g' }, caller, facts)), [
    `logs:FilterLogEvents ${group}:*`,
  ]);
  // The name wins over the identifier, as in the handler: no one may be asked about one group and shown another.
  const both = { logGroupName: '/g', logGroupIdentifier: `${group}-other`, logStreamName: 's' };
  assert.deepEqual(asked(logsActions.GetLogEvents!(both, caller, facts)), [
    `logs:GetLogEvents ${group}:log-stream:s`,
  ]);
  assert.deepEqual(asked(squibActions.DeleteCredential({ userName: 'ann' }, caller, facts)), [
    'squib:DeleteCredential arn:aws:iam::000000000000:user/ann',
  ]);
  const { GetMicrovmUsage, ListMicrovmUsage, ForkMicrovm } = squibActions;
  const microvm = { microvmIdentifier: 'microvm-1' };
  assert.deepEqual(asked(GetMicrovmUsage(microvm, caller, facts)), [`squib:GetMicrovmUsage ${image}`]);
  assert.deepEqual(
    GetMicrovmUsage(microvm, caller, facts)[0]?.context,
    ForkMicrovm(microvm, caller, facts)[0]?.context,
  );
  assert.deepEqual(asked(ListMicrovmUsage({}, caller, facts)), ['squib:ListMicrovmUsage *']);
});

test('a browser link needs what a token needs', () => {
  assert.deepEqual(asked(squibActions.CreateBrowserLink({ microvmIdentifier: 'microvm-1' }, caller, facts)), [
    `lambda:CreateMicrovmAuthToken ${image}`,
  ]);
});

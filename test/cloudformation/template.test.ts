// Templates without a squib: reading, functions, order, and what is refused.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how CloudFormation writes them
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawBlueprint, neededCapabilities } from '../../src/cloudformation/stacks/blueprint.ts';
import { resolveParameters } from '../../src/cloudformation/template/parameters.ts';
import { parseTemplate } from '../../src/cloudformation/template/template.ts';

const stack = { id: 'arn:aws:cloudformation:us-east-1:000000000000:stack/demo/1', name: 'demo' };
const draw = (templateBody: string, parameters: Record<string, string> = {}) =>
  drawBlueprint(
    stack,
    { templateBody, parameters, tags: {} },
    {
      exported: (name) => (name === 'shared' ? 'S' : undefined),
      parameter: (name) => ({ '/app/size': '3', '/app/list': 'a,b' })[name],
    },
  );
/** The properties of the log group `G` of a template with these properties. */
const properties = (yaml: string, more = '') =>
  draw(
    `${more}\nResources:\n  G:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: ${yaml}`,
  ).properties('G', {});

for (const [yaml, value] of [
  ['!Sub "${AWS::StackName}-${!Literal}-${AWS::AccountId}"', 'demo-${Literal}-000000000000'],
  ['!Sub ["${a}/${AWS::Region}", { a: !Join ["", [x, y]] }]', 'xy/us-east-1'],
  ['!Join [",", !Split ["-", "a-b"]]', 'a,b'],
  ['!Select [1, [a, b]]', 'b'],
  ['{ "Fn::If": [Yes, on, off] }', 'on'],
  ['!If [No, on, !Ref "AWS::NoValue"]', undefined],
  ['!FindInMap [M, !Ref "AWS::Region", k]', 'mapped'],
  ['!ImportValue shared', 'S'],
  ['!Base64 hi', 'aGk='],
  ['!Ref AWS::Partition', 'aws'],
  ['!Select [0, !GetAZs ""]', 'us-east-1a'],
  ['!Join [",", !Cidr [192.168.0.0/24, 3, "5"]]', '192.168.0.0/27,192.168.0.32/27,192.168.0.64/27'],
  ['!Select [255, !Cidr [!Join ["/", [10.1.0.0, 16]], 256, 8]]', '10.1.255.0/24'],
] as const) {
  test(`${yaml} is ${value}`, () => {
    const more =
      'Conditions: { Yes: !Or [!Equals [1, "1"], !Condition No], No: !Not [!Equals [a, a]] }\n' +
      'Mappings: { M: { us-east-1: { k: mapped } } }';
    assert.deepEqual(properties(yaml, more), value === undefined ? {} : { LogGroupName: value });
  });
}

for (const [name, yaml, message] of [
  [
    'circle',
    'Resources: { A: { Type: AWS::Logs::LogGroup, DependsOn: B }, B: { Type: AWS::Logs::LogGroup, DependsOn: A } }',
    /Circular dependency between resources: \[A, B\]/,
  ],
  [
    'unknown reference',
    'Resources: { A: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: !Sub "${B.Arn}" } } }',
    /Unresolved resource dependencies \[B\]/,
  ],
  [
    'foreign type',
    'Resources: { A: { Type: AWS::EC2::Instance } }',
    /Unrecognized resource types: \[AWS::EC2::Instance\]/,
  ],
  [
    'unknown property',
    'Resources: { A: { Type: AWS::Logs::LogGroup, Properties: { Nope: 1 } } }',
    /extraneous key \[Nope\]/,
  ],
  [
    'missing property',
    'Resources: { A: { Type: AWS::IAM::Role } }',
    /required key \[AssumeRolePolicyDocument\]/,
  ],
  [
    'a loop',
    'Transform: AWS::LanguageExtensions\nResources: { "Fn::ForEach::L": [N, [a, b], { "G${N}": { Type: AWS::Logs::LogGroup } }] }',
    /Fn::ForEach::L at \/Resources is a function that squib does not have/,
  ],
  ['no resources', 'Description: x', /At least one Resources member/],
  ['unknown section', 'Resource: {}', /Invalid template property or properties \[Resource\]/],
  ['twice the same key', 'Resources: {}\nResources: {}', /Map keys must be unique at line 2/],
  [
    'macro',
    'Transform: Mine\nResources: { A: { Type: AWS::Logs::LogGroup } }',
    /No transform named "Mine" found/,
  ],
  ...(['10.0.0.0/24, 9, 5', '10.0.0.0/24, 0, 5', '10.0.0.1/24, 1, 5', '2001:db8::/56, 1, 64'] as const).map(
    (values) =>
      [
        `networks that are not there: ${values}`,
        `Conditions: { A: !Equals [x, !Select [0, !Cidr [${values}]]] }\nResources: { G: { Type: AWS::Logs::LogGroup, Condition: A } }`,
        /Fn::Cidr finds no \d IPv4 networks with/,
      ] as const,
  ),
  [
    'condition in a circle',
    'Conditions: { A: !Not [!Condition B], B: !Not [!Condition A] }\nResources: { G: { Type: AWS::Logs::LogGroup, Condition: A } }',
    /circle/,
  ],
  [
    'aliases without end',
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
    /[Ee]xcessive alias count/,
  ],
] as const) {
  test(`refused: ${name}`, () => assert.throws(() => draw(yaml), { name: 'TemplateError', message }));
}

test('dependencies follow from references, and conditions leave resources out', () => {
  const { dependencies, included } = draw(`
Conditions: { Never: !Equals [a, b] }
Resources:
  Image: { Type: AWS::Lambda::MicrovmImage, Properties: { Name: n, BaseImageArn: b, BuildRoleArn: !GetAtt Role.Arn, CodeArtifact: { Uri: !Sub "s3://\${Bucket}/k" } } }
  Bucket: { Type: AWS::S3::Bucket }
  Role: { Type: AWS::IAM::Role, DependsOn: [Bucket, Odd], Properties: { AssumeRolePolicyDocument: {} } }
  Odd: { Type: AWS::EC2::Instance, Condition: Never }`);
  assert.deepEqual([...included], ['Image', 'Bucket', 'Role']);
  assert.deepEqual(dependencies.get('Image'), ['Role', 'Bucket']);
  assert.deepEqual(dependencies.get('Role'), ['Bucket']);
});

test('parameters: types, allowed values, patterns, previous values', () => {
  const template = parseTemplate(`
Parameters:
  N: { Type: Number, MinValue: 1, Default: 3 }
  E: { Type: String, AllowedValues: [a, b] }
  P: { Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: only letters, Default: x }
Resources: { G: { Type: AWS::Logs::LogGroup } }`);
  const resolve = (given: Record<string, string>) =>
    resolveParameters(
      template,
      Object.entries(given).map(([key, value]) => ({ key, value, usePrevious: false })),
    );
  assert.deepEqual(resolve({ E: 'a' }), { N: '3', E: 'a', P: 'x' });
  assert.throws(() => resolve({}), /Parameters: \[E\] must have values/);
  assert.throws(() => resolve({ E: 'c' }), /'E' must be one of AllowedValues/);
  assert.throws(() => resolve({ E: 'a', N: '0' }), /not less than 1/);
  assert.throws(() => resolve({ E: 'a', N: 'x' }), /must be a number/);
  assert.throws(() => resolve({ E: 'a', P: '1' }), /only letters/);
  assert.throws(() => resolve({ E: 'a', Z: '1' }), /Parameters: \[Z\] do not exist in the template/);
  const kept = resolveParameters(template, [{ key: 'E', usePrevious: true }], { E: 'b', N: '9' });
  assert.deepEqual(kept, { N: '3', E: 'b', P: 'x' });
});

test('output of SAM: the transform makes an image of AWS::Serverless::MicrovmImage', () => {
  const { template } = draw(`
Transform: AWS::Serverless-2016-10-31
Resources:
  Box:
    Type: AWS::Serverless::MicrovmImage
    Properties: { CodeUri: s3://b/k, BaseImageArn: arn, BuildRoleArn: role, EnvironmentVariables: { A: "1" } }`);
  const { Type, Properties } = template.resources.Box!;
  assert.equal(Type, 'AWS::Lambda::MicrovmImage');
  assert.deepEqual(Properties, {
    ...{ Name: 'Box', BaseImageArn: 'arn', BuildRoleArn: 'role', CodeArtifact: { Uri: 's3://b/k' } },
    EnvironmentVariables: [{ Key: 'A', Value: '1' }],
  });
});

test('output of CDK: its metadata, bootstrap version and rules are let stand', () => {
  const templateBody = JSON.stringify({
    Resources: {
      Role1ABCC5F0: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: {} },
        Metadata: { 'aws:cdk:path': 'A/Role' },
      },
      CDKMetadata: {
        Type: 'AWS::CDK::Metadata',
        Properties: { Analytics: 'v2:deflate64:H4s' },
        Condition: 'CDKMetadataAvailable',
      },
    },
    Conditions: {
      CDKMetadataAvailable: { 'Fn::Or': [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] }] },
    },
    Parameters: {
      BootstrapVersion: {
        Type: 'AWS::SSM::Parameter::Value<String>',
        Default: '/cdk-bootstrap/hnb659fds/version',
      },
    },
    Rules: { CheckBootstrapVersion: { Assertions: [] } },
  });
  const parameters = resolveParameters(parseTemplate(templateBody), []);
  const blueprint = draw(templateBody, parameters);
  assert.deepEqual([...blueprint.included], ['Role1ABCC5F0', 'CDKMetadata']);
  assert.deepEqual(neededCapabilities(blueprint), ['CAPABILITY_IAM']);
});

test('parameters of Systems Manager are looked up; lists are lists', () => {
  const template = (type: string, value: string) =>
    `Parameters: { P: { Type: "AWS::SSM::Parameter::${type}", Default: ${value} } }\n` +
    'Resources: { G: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: !Ref P } } }';
  const value = (type: string, name: string) =>
    draw(template(type, name), { P: name }).properties('G', {}).LogGroupName;
  assert.equal(value('Value<String>', '/app/size'), '3');
  assert.deepEqual(value('Value<List<String>>', '/app/list'), ['a', 'b']);
  assert.equal(value('Name', '/app/size'), '/app/size');
  const missing = parseTemplate(template('Value<String>', '/none'));
  assert.throws(() => resolveParameters(missing, []), /Unable to fetch parameters \[\/none\]/);
});

test('what squib does not have can be left out: what refers to it gets a stand-in', () => {
  const templateBody = `
Resources:
  Net: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref V } }
  V: { Type: AWS::EC2::VPC }
  Table: { Type: AWS::DynamoDB::Table }
  G:
    Type: AWS::Logs::LogGroup
    DependsOn: Table
    Properties: { LogGroupName: !Join ["|", [!Ref Net, !GetAtt V.VpcId, !Ref Table, !GetAtt Table.Arn]] }
`;
  const lookups = { exported: () => undefined, parameter: () => undefined };
  const design = { templateBody, parameters: {}, tags: {} };
  assert.throws(
    () => drawBlueprint(stack, design, lookups),
    /AWS::EC2::Subnet, AWS::EC2::VPC, AWS::DynamoDB::Table/,
  );
  const blueprint = drawBlueprint(stack, { ...design, skipUnsupported: true }, lookups);
  assert.deepEqual([...blueprint.included], ['G']);
  assert.equal(
    blueprint.properties('G', {}).LogGroupName,
    'subnet-demonet|vpc-demov|not-in-squib-Table|arn:aws:dynamodb:us-east-1:000000000000:not-in-squib-Table',
  );
});

// CloudFormation through the real AWS CLI and boto3, with resources that need no MicroVM.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aws, runProgram } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
const cli = (line: string, ...more: string[]) => aws(squib, [...line.split(' '), ...more]);

/** Writes a template and returns how the CLI names it. */
function template(name: string, text: string): string {
  const file = join(squib.config.dataDir, name);
  writeFileSync(file, text);
  return file;
}

const yaml = `
AWSTemplateFormatVersion: 2010-09-09
Description: A role, a bucket and a log group
Parameters:
  Stage: { Type: String, Default: dev, AllowedValues: [dev, prod] }
  Days: { Type: Number, Default: 7 }
  Secret: { Type: String, NoEcho: true, Default: hidden }
Mappings:
  Stages: { dev: { suffix: d }, prod: { suffix: p } }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Both: !And [!Condition IsProd, !Not [!Equals [!Ref Days, "1"]]]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }]
      Policies:
        - PolicyName: artifacts
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{ Effect: Allow, Action: "s3:GetObject", Resource: !Sub "\${Bucket.Arn}/*" }]
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub
        - "b-\${AWS::AccountId}-\${Tail}"
        - Tail: !FindInMap [Stages, !Ref Stage, suffix]
      PublicAccessBlockConfiguration: { BlockPublicAcls: true }
  Group:
    Type: AWS::Logs::LogGroup
    DependsOn: Role
    Properties:
      LogGroupName: !Join ["/", ["", app, !Ref "AWS::StackName"]]
      RetentionInDays: !Ref Days
  OnlyProd:
    Type: AWS::Logs::LogGroup
    Condition: Both
    DeletionPolicy: Retain
Outputs:
  RoleArn: { Value: !GetAtt Role.Arn, Export: { Name: !Sub "\${AWS::StackName}-role" } }
  Parts: { Value: !Select [1, !Split ["-", "a-b-c"]] }
  Encoded: { Value: !Base64 hello }
  Prod: { Condition: IsProd, Value: !If [IsProd, "yes", !Ref "AWS::NoValue"] }
`;

before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

test('aws cloudformation deploy makes, leaves alone and changes a stack', async () => {
  const file = template('one.yaml', yaml);
  const deploy = (...more: string[]) =>
    cli(
      `cloudformation deploy --stack-name one --template-file ${file} --capabilities CAPABILITY_IAM`,
      ...more,
    );
  await assert.rejects(
    cli(`cloudformation deploy --stack-name one --template-file ${file}`),
    /InsufficientCapabilities.*Requires capabilities : \[CAPABILITY_IAM\]/,
  );
  assert.match(await deploy(), /Successfully created\/updated stack - one/);
  const [stack] = (await cli('cloudformation describe-stacks --stack-name one')).Stacks;
  assert.equal(stack.StackStatus, 'CREATE_COMPLETE');
  const outputs = Object.fromEntries(
    stack.Outputs.map((each: { OutputKey: string; OutputValue: string }) => [
      each.OutputKey,
      each.OutputValue,
    ]),
  );
  assert.match(outputs.RoleArn, /^arn:aws:iam::0+:role\/one-Role-[0-9A-F]{12}$/);
  assert.deepEqual({ ...outputs, RoleArn: 0 }, { RoleArn: 0, Parts: 'b', Encoded: 'aGVsbG8=' });
  const secret = stack.Parameters.find((each: { ParameterKey: string }) => each.ParameterKey === 'Secret');
  assert.equal(secret.ParameterValue, '****');
  const role = outputs.RoleArn.split('/')[1];
  const policy = await cli(`iam get-role-policy --policy-name artifacts --role-name ${role}`);
  assert.equal(policy.PolicyDocument.Statement[0].Resource, 'arn:aws:s3:::b-000000000000-d/*');
  await cli('s3api head-bucket --bucket b-000000000000-d');

  assert.match(await deploy('--no-fail-on-empty-changeset'), /No changes to deploy/);

  await deploy('--parameter-overrides', 'Stage=prod', 'Days=14');
  const resources = (await cli('cloudformation describe-stack-resources --stack-name one')).StackResources;
  const byId = Object.fromEntries(
    resources.map((each: { LogicalResourceId: string }) => [each.LogicalResourceId, each]),
  );
  assert.equal(byId.Role.PhysicalResourceId, role);
  assert.equal(byId.Bucket.PhysicalResourceId, 'b-000000000000-p');
  assert.match(byId.OnlyProd.PhysicalResourceId, /^one-OnlyProd-/);
  await assert.rejects(cli('s3api head-bucket --bucket b-000000000000-d'), /404|Not Found/);
  const [group] = (await cli('logs describe-log-groups --log-group-name-prefix /app/one')).logGroups;
  assert.equal(group.retentionInDays, 14);
});

test('a failing update is rolled back, with its reason in the events', async () => {
  await cli('s3api create-bucket --bucket taken');
  const bad = yaml.replace(
    '  Group:\n',
    '  Bad: { Type: AWS::S3::Bucket, DependsOn: Group, Properties: { BucketName: taken } }\n  Group:\n',
  );
  const file = template('bad.yaml', bad);
  await assert.rejects(
    cli(
      `cloudformation deploy --stack-name one --template-file ${file} --capabilities CAPABILITY_IAM --parameter-overrides Days=30`,
    ),
    /Failed to create\/update the stack/,
  );
  const [stack] = (await cli('cloudformation describe-stacks --stack-name one')).Stacks;
  assert.equal(stack.StackStatus, 'UPDATE_ROLLBACK_COMPLETE');
  const [group] = (await cli('logs describe-log-groups --log-group-name-prefix /app/one')).logGroups;
  assert.equal(group.retentionInDays, 14);
  const events = (await cli('cloudformation describe-stack-events --stack-name one')).StackEvents;
  const failed = events.find((each: { ResourceStatus: string }) => each.ResourceStatus === 'CREATE_FAILED');
  assert.equal(failed.LogicalResourceId, 'Bad');
  assert.match(failed.ResourceStatusReason, /you already own it/);
  await cli('s3api head-bucket --bucket taken');
});

test('deleting: exports in use keep a stack, waiters see the end, retained resources stay', async () => {
  const user = template(
    'user.json',
    JSON.stringify({
      Resources: {
        Group: {
          Type: 'AWS::Logs::LogGroup',
          Properties: {
            LogGroupName: {
              'Fn::Join': [
                '-',
                ['user', { 'Fn::Select': [1, { 'Fn::Split': ['/', { 'Fn::ImportValue': 'one-role' }] }] }],
              ],
            },
          },
        },
      },
    }),
  );
  await cli(`cloudformation create-stack --stack-name user --template-body file://${user}`);
  await cli('cloudformation wait stack-create-complete --stack-name user');
  assert.equal((await cli('cloudformation list-imports --export-name one-role')).Imports[0], 'user');
  await assert.rejects(
    cli('cloudformation delete-stack --stack-name one'),
    /Export one-role cannot be deleted as it is in use by user/,
  );
  for (const name of ['user', 'one']) {
    await cli(`cloudformation delete-stack --stack-name ${name}`);
    await cli(`cloudformation wait stack-delete-complete --stack-name ${name}`);
  }
  await assert.rejects(
    cli('cloudformation describe-stacks --stack-name one'),
    /Stack with id one does not exist/,
  );
  const { logGroups } = await cli('logs describe-log-groups');
  assert.deepEqual(
    logGroups.map(({ logGroupName: name }: { logGroupName: string }) => name.replace(/[0-9A-F]{12}$/, '')),
    ['one-OnlyProd-'],
  );
});

test('what squib cannot make is refused by name before anything is made', async () => {
  const file = template(
    'foreign.yaml',
    'Resources:\n  T: { Type: "AWS::DynamoDB::Table" }\n  G: { Type: "AWS::Logs::LogGroup" }\n',
  );
  await assert.rejects(
    cli(`cloudformation create-stack --stack-name foreign --template-body file://${file}`),
    /ValidationError.*Unrecognized resource types: \[AWS::DynamoDB::Table\]/,
  );
  await assert.rejects(cli('cloudformation describe-stacks --stack-name foreign'), /does not exist/);
  await assert.rejects(
    cli(
      'cloudformation validate-template --template-body',
      'Resources: { G: { Type: X, Properties: { A: !Ref Nope } } }',
    ),
    /Unresolved resource dependencies \[Nope\] in the Resources block/,
  );
});

const boto = `
import boto3, json
c = boto3.client('cloudformation')
t = json.dumps({'Parameters': {'N': {'Type': 'String'}}, 'Resources': {
  'G': {'Type': 'AWS::Logs::LogGroup', 'Properties': {'LogGroupName': {'Ref': 'N'}}},
  'M': {'Type': 'AWS::CDK::Metadata', 'Properties': {'Analytics': 'v2'}}}})
c.create_change_set(StackName='b', ChangeSetName='c1', ChangeSetType='CREATE', TemplateBody=t,
  Parameters=[{'ParameterKey': 'N', 'ParameterValue': '/boto'}])
c.get_waiter('change_set_create_complete').wait(StackName='b', ChangeSetName='c1')
d = c.describe_change_set(StackName='b', ChangeSetName='c1')
print([x['ResourceChange']['Action'] for x in d['Changes']], c.describe_stacks(StackName='b')['Stacks'][0]['StackStatus'])
c.execute_change_set(StackName='b', ChangeSetName='c1')
c.get_waiter('stack_create_complete').wait(StackName='b')
print(c.get_template_summary(StackName='b')['ResourceTypes'], json.dumps(c.get_template(StackName='b')['TemplateBody']) == t)
c.update_stack(StackName='b', UsePreviousTemplate=True, Parameters=[{'ParameterKey': 'N', 'ParameterValue': '/boto2'}])
c.get_waiter('stack_update_complete').wait(StackName='b')
print([r['PhysicalResourceId'] for p in c.get_paginator('list_stack_resources').paginate(StackName='b') for r in p['StackResourceSummaries'] if r['LogicalResourceId'] == 'G'])
try: c.update_stack(StackName='b', UsePreviousTemplate=True, Parameters=[{'ParameterKey': 'N', 'UsePreviousValue': True}])
except Exception as e: print(e.response['Error']['Message'])
c.delete_stack(StackName='b')
c.get_waiter('stack_delete_complete').wait(StackName='b')
print(c.describe_stacks()['Stacks'], [s['StackStatus'] for s in c.list_stacks()['StackSummaries'] if s['StackName'] == 'b'])
`;

test('boto3: change sets, waiters, replacement, deletion', async () => {
  const { stdout, stderr, code } = await runProgram(squib, 'python', ['-c', boto]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split('\n'), [
    "['Add', 'Add'] REVIEW_IN_PROGRESS",
    "['AWS::Logs::LogGroup', 'AWS::CDK::Metadata'] True",
    "['/boto2']",
    'No updates are to be performed.',
    "[] ['DELETE_COMPLETE']",
  ]);
});

import type { Caller } from '../aws/caller.ts';
import { partition } from '../control/arns.ts';
import type { Access } from './access.ts';
import type { AccessRule } from './actions.ts';

type Rule = AccessRule<Record<string, unknown>>;

const text = (value: unknown) => (typeof value === 'string' ? value : '');

const stackArn = (nameOrArn: string, { accountId, region }: Caller) =>
  nameOrArn.startsWith('arn:')
    ? nameOrArn
    : `arn:${partition(region)}:cloudformation:${region}:${accountId}:stack/${nameOrArn}/*`;

const passRole = (roleArn: string): Access[] =>
  roleArn === ''
    ? []
    : [
        {
          action: 'iam:PassRole',
          resource: roleArn,
          context: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
        },
      ];

/** On the stack that the request names, or on all where it names none. */
const onStack =
  (action: string): Rule =>
  (input, caller) => {
    const name = text(input.StackName);
    const changeSet = text(input.ChangeSetName);
    const named = name !== '' ? stackArn(name, caller) : changeSet.startsWith('arn:') ? changeSet : '*';
    return [{ action: `cloudformation:${action}`, resource: named }, ...passRole(text(input.RoleARN))];
  };

/** Permissions of the CloudFormation operations that squib has; what a stack makes is authorized one by one. */
export const cloudFormationRules: Readonly<Record<string, Rule>> = Object.fromEntries(
  [
    ...['CreateStack', 'UpdateStack', 'DeleteStack', 'ContinueUpdateRollback', 'UpdateTerminationProtection'],
    ...['CreateChangeSet', 'DescribeChangeSet', 'ExecuteChangeSet', 'DeleteChangeSet', 'ListChangeSets'],
    ...[
      'DescribeStacks',
      'ListStacks',
      'DescribeStackEvents',
      'DescribeStackResource',
      'DescribeStackResources',
    ],
    ...[
      'ListStackResources',
      'ListExports',
      'ListImports',
      'GetTemplate',
      'GetTemplateSummary',
      'ValidateTemplate',
    ],
  ].map((action) => [action, onStack(action)]),
);

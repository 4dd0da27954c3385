import type { Caller } from '../aws/caller.ts';
import { groupName, Members } from '../aws/logs/members.ts';
import { partition } from '../control/arns.ts';
import type { AccessRule } from './actions.ts';

type Input = Record<string, unknown>;

const root = ({ accountId, region }: Caller) =>
  `arn:${partition(region)}:logs:${region}:${accountId}:log-group:`;

/** The group that the handler will read, by the same code; policies are written with `:*` behind its ARN. */
const groupArn = (input: Input, caller: Caller) => `${root(caller)}${new Members(input).logGroup()}`;

const onGroup =
  (operation: string): AccessRule<Input> =>
  (input, caller) => [{ action: `logs:${operation}`, resource: `${groupArn(input, caller)}:*` }];

const onStream =
  (operation: string): AccessRule<Input> =>
  (input, caller) => {
    const stream = new Members(input).string('logStreamName') ?? '';
    return [{ action: `logs:${operation}`, resource: `${groupArn(input, caller)}:log-stream:${stream}` }];
  };

/** Permissions of the CloudWatch Logs operations that squib has. */
export const logsActions: Readonly<Record<string, AccessRule<Input>>> = {
  DescribeLogGroups: (_input: Input, caller: Caller) => [
    { action: 'logs:DescribeLogGroups', resource: `${root(caller)}*` },
  ],
  StartLiveTail: (input: Input, caller: Caller) =>
    (new Members(input).strings('logGroupIdentifiers') ?? ['']).map((group) => ({
      ...{ action: 'logs:StartLiveTail', resource: `${root(caller)}${groupName(group)}` },
    })),
  CreateLogGroup: onGroup('CreateLogGroup'),
  CreateLogStream: onGroup('CreateLogStream'),
  DeleteLogGroup: onGroup('DeleteLogGroup'),
  PutRetentionPolicy: onGroup('PutRetentionPolicy'),
  DeleteRetentionPolicy: onGroup('DeleteRetentionPolicy'),
  TagLogGroup: onGroup('TagLogGroup'),
  UntagLogGroup: onGroup('UntagLogGroup'),
  ListTagsLogGroup: onGroup('ListTagsLogGroup'),
  TagResource: onGroup('TagResource'),
  UntagResource: onGroup('UntagResource'),
  ListTagsForResource: onGroup('ListTagsForResource'),
  DescribeLogStreams: onGroup('DescribeLogStreams'),
  FilterLogEvents: onGroup('FilterLogEvents'),
  GetLogEvents: onStream('GetLogEvents'),
  PutLogEvents: onStream('PutLogEvents'),
  DeleteLogStream: onStream('DeleteLogStream'),
};

import type { RoleRights } from './role-rights.ts';

/** The role in whose name a log is written; without a role (or with one that squib does not have) all is allowed. */
export interface LogWriterRole {
  roleArn?: string | undefined;
  rights?: RoleRights | undefined;
  /** Of the image; names partition, Region and account. */
  imageArn: string;
}

/** Whether the role may write to a stream, and make it (spec: iam-credentials-logging-metrics 2 and 4). */
export function mayLog(
  { roleArn, rights, imageArn }: LogWriterRole,
  group: string,
  stream: string,
  groupExists: boolean,
): boolean {
  if (roleArn === undefined || rights === undefined) return true;
  const [, partition, , region, account] = imageArn.split(':');
  const groupArn = `arn:${partition}:logs:${region}:${account}:log-group:${group}`;
  const may = (action: string, ...resources: string[]) =>
    resources.some((resource) => rights.allows(roleArn, { action, resource }));
  // Policies name groups with and without `:*` behind them.
  const make = groupExists || may('logs:CreateLogGroup', groupArn, `${groupArn}:*`);
  const streamArn = `${groupArn}:log-stream:${stream}`;
  return (
    make && may('logs:CreateLogStream', `${groupArn}:*`, streamArn) && may('logs:PutLogEvents', streamArn)
  );
}

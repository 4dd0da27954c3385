import type { Caller } from '../aws/caller.ts';

/** CloudTrail's `userIdentity`: who called, in its forms for root, users and role sessions. */
export function userIdentity(caller: Caller | undefined): Record<string, unknown> {
  if (caller === undefined) return { type: 'Unknown' };
  const { arn, accountId, userId, accessKeyId } = caller;
  const common = { principalId: userId, arn, accountId, accessKeyId };
  const [kind = '', ...names] = arn.split(':').slice(5).join(':').split('/');
  if (kind === 'root') return { type: 'Root', ...common };
  if (kind !== 'assumed-role') return { type: 'IAMUser', ...common, userName: names.at(-1) ?? '' };
  const roleName = names[0] ?? '';
  const sessionIssuer = {
    type: 'Role',
    principalId: userId.split(':')[0],
    arn: arn.replace(':sts:', ':iam:').replace(/:assumed-role\/.*$/, `:role/${roleName}`),
    accountId,
    userName: roleName,
  };
  return { type: 'AssumedRole', ...common, sessionContext: { sessionIssuer } };
}

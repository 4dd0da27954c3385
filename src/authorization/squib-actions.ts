import type { Caller } from '../aws/caller.ts';
import { partition } from '../control/arns.ts';
import type { SquibOperations } from '../extensions/squib-model.ts';
import { resourceTags } from './access.ts';
import type { AccessRule } from './actions.ts';

type Rules = { [Name in keyof SquibOperations]: AccessRule<SquibOperations[Name]['input']> };

const userArn = ({ accountId, region }: Caller, userName: string) =>
  `arn:${partition(region)}:iam::${accountId}:user/${userName}`;

const onUser =
  (operation: string): AccessRule<{ userName: string }> =>
  ({ userName }, caller) => [{ action: `squib:${operation}`, resource: userArn(caller, userName) }];

/**
 * Permissions of squib's own operations. Whoever may create or change credentials can give every right to them, as with
 * IAM's own actions: these two belong to administrators.
 */
export const squibActions: Rules = {
  CreateCredential: onUser('CreateCredential'),
  ListCredentials: () => [{ action: 'squib:ListCredentials', resource: '*' }],
  GetCredential: onUser('GetCredential'),
  UpdateCredential: onUser('UpdateCredential'),
  DeleteCredential: onUser('DeleteCredential'),
  /** Like every call on a MicroVM on its image; whoever forks also runs. An id that nobody has needs no permission. */
  ForkMicrovm({ microvmIdentifier }, _caller, facts) {
    const resource = facts.imageOfMicrovm(microvmIdentifier);
    if (resource === undefined) return [];
    const context = resourceTags(facts.tagsOf(resource));
    return ['squib:ForkMicrovm', 'lambda:RunMicrovm'].map((action) => ({ action, resource, context }));
  },
};

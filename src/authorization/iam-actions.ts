import type { Caller } from '../aws/caller.ts';
import { partition } from '../control/arns.ts';
import type { AccessRule } from './actions.ts';
import type { RoleBook } from './roles/role-book.ts';

type Input = Record<string, unknown>;
type Rule = AccessRule<Input>;

const text = (value: unknown) => (typeof value === 'string' ? value : '');
const iam = ({ accountId, region }: Caller) => `arn:${partition(region)}:iam::${accountId}:`;

/** Permissions of the IAM operations that squib has; the ARN of a role holds its path, which only the role knows. */
export function iamRules(roles: RoleBook): Readonly<Record<string, Rule>> {
  const onRole =
    (action: string): Rule =>
    (input, caller) => {
      const name = text(input.RoleName);
      const arn = roles.role(name)?.arn ?? `${iam(caller)}role${text(input.Path) || '/'}${name}`;
      const context = { 'iam:PolicyARN': text(input.PolicyArn) || undefined };
      return [{ action: `iam:${action}`, resource: arn, context }];
    };
  const onPolicy =
    (action: string): Rule =>
    (input, caller) => {
      const made = `${iam(caller)}policy${text(input.Path) || '/'}${text(input.PolicyName)}`;
      return [{ action: `iam:${action}`, resource: text(input.PolicyArn) || made }];
    };
  const onAll =
    (action: string): Rule =>
    (_input, caller) => [{ action: `iam:${action}`, resource: `${iam(caller)}*` }];
  const all = (make: (action: string) => Rule, actions: string[]) =>
    Object.fromEntries(actions.map((action) => [action, make(action)]));

  return {
    ...all(onRole, [
      ...[
        'CreateRole',
        'GetRole',
        'UpdateRole',
        'UpdateRoleDescription',
        'UpdateAssumeRolePolicy',
        'DeleteRole',
      ],
      ...[
        'PutRolePermissionsBoundary',
        'DeleteRolePermissionsBoundary',
        'TagRole',
        'UntagRole',
        'ListRoleTags',
      ],
      ...['ListInstanceProfilesForRole', 'PutRolePolicy', 'GetRolePolicy', 'DeleteRolePolicy'],
      ...['ListRolePolicies', 'AttachRolePolicy', 'DetachRolePolicy', 'ListAttachedRolePolicies'],
    ]),
    ...all(onPolicy, [
      ...['CreatePolicy', 'GetPolicy', 'GetPolicyVersion', 'ListPolicyVersions', 'CreatePolicyVersion'],
      ...['SetDefaultPolicyVersion', 'DeletePolicyVersion', 'ListEntitiesForPolicy', 'DeletePolicy'],
    ]),
    ...all(onAll, ['ListRoles', 'ListPolicies', 'ListAccountAliases']),
    GetUser: (input, caller) => {
      const name = text(input.UserName);
      return [{ action: 'iam:GetUser', resource: name ? `${iam(caller)}user/${name}` : caller.arn }];
    },
  };
}

import type { AnyHandler } from '../handlers.ts';
import { Input } from '../protocol/input.ts';
import {
  checkedIdentityPolicy,
  checkedName,
  encoded,
  findRole,
  type IamContext,
  page,
} from './iam-context.ts';
import { noSuchPolicy, noSuchRolePolicy, notAttached } from './iam-errors.ts';

/** A role's inline policies, and the managed ones attached to it. */
export function rolePolicyActions(context: IamContext): Record<string, AnyHandler> {
  const { roles } = context;
  return {
    async PutRolePolicy(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      const name = checkedName(input, 'PolicyName', 128);
      const document = checkedIdentityPolicy(input.required('PolicyDocument'));
      roles.putRole({ ...role, inline: { ...role.inline, [name]: document } });
      return {};
    },
    async GetRolePolicy(members) {
      const input = new Input(members);
      const { name: RoleName, inline } = findRole(context, input);
      const PolicyName = input.required('PolicyName');
      if (!Object.hasOwn(inline, PolicyName)) throw noSuchRolePolicy(PolicyName);
      return { RoleName, PolicyName, PolicyDocument: encoded(inline[PolicyName] ?? '') };
    },
    async DeleteRolePolicy(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      const name = input.required('PolicyName');
      if (!Object.hasOwn(role.inline, name)) throw noSuchRolePolicy(name);
      const { [name]: _, ...inline } = role.inline;
      roles.putRole({ ...role, inline });
      return {};
    },
    async ListRolePolicies(members) {
      const input = new Input(members);
      const names = Object.keys(findRole(context, input).inline).sort();
      const { items, position } = page(names, input, (name) => name);
      return { PolicyNames: items, ...position };
    },
    async AttachRolePolicy(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      const arn = input.required('PolicyArn');
      if (roles.documentOf(arn) === undefined) throw noSuchPolicy(arn);
      if (!role.attached.includes(arn)) roles.putRole({ ...role, attached: [...role.attached, arn] });
      return {};
    },
    async DetachRolePolicy(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      const arn = input.required('PolicyArn');
      if (!role.attached.includes(arn)) throw notAttached(arn);
      roles.putRole({ ...role, attached: role.attached.filter((each) => each !== arn) });
      return {};
    },
    async ListAttachedRolePolicies(members) {
      const input = new Input(members);
      const arns = [...findRole(context, input).attached].sort();
      const { items, position } = page(arns, input, (arn) => arn);
      const policies = items.map((arn) => ({
        PolicyName: arn.slice(arn.lastIndexOf('/') + 1),
        PolicyArn: arn,
      }));
      return { AttachedPolicies: policies, ...position };
    },
  };
}

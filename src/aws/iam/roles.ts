import { newRoleId } from '../../authorization/key-material.ts';
import type { Role } from '../../store/role-records.ts';
import type { AnyHandler } from '../handlers.ts';
import { Input } from '../protocol/input.ts';
import {
  checkedName,
  checkedPath,
  checkedTrustPolicy,
  encoded,
  findRole,
  type IamContext,
  page,
  tagList,
} from './iam-context.ts';
import { detachFirst, noSuchPolicy, policiesFirst, roleExists } from './iam-errors.ts';

const duration = { min: 3600, max: 43_200, otherwise: 3600 };

function view(role: Role) {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encoded(role.trustPolicy),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDuration,
    ...(role.permissionsBoundary && {
      PermissionsBoundary: {
        PermissionsBoundaryType: 'Policy',
        PermissionsBoundaryArn: role.permissionsBoundary,
      },
    }),
    ...(Object.keys(role.tags).length > 0 && { Tags: tagList(role.tags) }),
  };
}

/** Roles as such; their policies are in files of their own. */
export function roleActions(context: IamContext): Record<string, AnyHandler> {
  const { roles, accountId, partition, now } = context;
  const boundaryOf = (input: Input) => {
    const arn = input.text('PermissionsBoundary');
    if (arn !== undefined && roles.documentOf(arn) === undefined) throw noSuchPolicy(arn);
    return arn;
  };
  return {
    async CreateRole(members) {
      const input = new Input(members);
      const name = checkedName(input, 'RoleName', 64);
      const path = checkedPath(input);
      const trustPolicy = checkedTrustPolicy(input.required('AssumeRolePolicyDocument'));
      if (roles.roles().some((role) => role.name.toLowerCase() === name.toLowerCase()))
        throw roleExists(name);
      const role: Role = {
        ...{ name, path, trustPolicy, id: newRoleId(), createdAt: now() },
        arn: `arn:${partition}:iam::${accountId}:role${path}${name}`,
        description: input.text('Description'),
        maxSessionDuration: input.integer('MaxSessionDuration', duration),
        permissionsBoundary: boundaryOf(input),
        ...{ inline: {}, attached: [], tags: input.tags() },
      };
      roles.putRole(role);
      return { Role: view(role) };
    },
    async GetRole(members) {
      return { Role: view(findRole(context, new Input(members))) };
    },
    async ListRoles(members) {
      const input = new Input(members);
      const prefix = input.text('PathPrefix') ?? '/';
      const all = roles.roles().filter(({ path }) => path.startsWith(prefix));
      const { items, position } = page(all, input, ({ name }) => name);
      return { Roles: items.map((role) => ({ ...view(role), Tags: undefined })), ...position };
    },
    async UpdateRole(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      roles.putRole({
        ...role,
        description: input.text('Description') ?? role.description,
        maxSessionDuration: input.integer('MaxSessionDuration', {
          ...duration,
          otherwise: role.maxSessionDuration,
        }),
      });
      return {};
    },
    async UpdateRoleDescription(members) {
      const input = new Input(members);
      const role = { ...findRole(context, input), description: input.text('Description') };
      roles.putRole(role);
      return { Role: view(role) };
    },
    async UpdateAssumeRolePolicy(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      roles.putRole({ ...role, trustPolicy: checkedTrustPolicy(input.required('PolicyDocument')) });
      return {};
    },
    async PutRolePermissionsBoundary(members) {
      const input = new Input(members);
      input.required('PermissionsBoundary');
      roles.putRole({ ...findRole(context, input), permissionsBoundary: boundaryOf(input) });
      return {};
    },
    async DeleteRolePermissionsBoundary(members) {
      roles.putRole({ ...findRole(context, new Input(members)), permissionsBoundary: undefined });
      return {};
    },
    async DeleteRole(members) {
      const role = findRole(context, new Input(members));
      if (role.attached.length > 0) throw detachFirst();
      if (Object.keys(role.inline).length > 0) throw policiesFirst();
      roles.removeRole(role.name);
      return {};
    },
    async TagRole(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      roles.putRole({ ...role, tags: { ...role.tags, ...input.tags() } });
      return {};
    },
    async UntagRole(members) {
      const input = new Input(members);
      const role = findRole(context, input);
      const gone = new Set(input.texts('TagKeys'));
      const left = Object.entries(role.tags).filter(([key]) => !gone.has(key));
      roles.putRole({ ...role, tags: Object.fromEntries(left) });
      return {};
    },
    async ListRoleTags(members) {
      return { Tags: tagList(findRole(context, new Input(members)).tags), IsTruncated: false };
    },
    async ListInstanceProfilesForRole(members) {
      findRole(context, new Input(members));
      return { InstanceProfiles: [], IsTruncated: false };
    },
  };
}

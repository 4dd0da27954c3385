import { newPolicyId } from '../../authorization/key-material.ts';
import type { ManagedPolicy } from '../../store/role-records.ts';
import type { AnyHandler } from '../handlers.ts';
import { Input } from '../protocol/input.ts';
import {
  checkedIdentityPolicy,
  checkedName,
  checkedPath,
  encoded,
  type IamContext,
  page,
  tagList,
} from './iam-context.ts';
import {
  attachedPolicy,
  defaultVersion,
  noSuchPolicy,
  noSuchPolicyVersion,
  policyExists,
  tooManyVersions,
} from './iam-errors.ts';

const mostVersions = 5;

/** Customer managed policies; AWS's own can be read and attached. */
export function managedPolicyActions({ roles, accountId, partition, now }: IamContext) {
  const find = (input: Input): ManagedPolicy => {
    const arn = input.required('PolicyArn');
    const policy = roles.policy(arn) ?? ownOfAws(arn);
    if (!policy) throw noSuchPolicy(arn);
    return policy;
  };
  const findOurs = (input: Input): ManagedPolicy => {
    const policy = roles.policy(input.required('PolicyArn'));
    if (!policy) throw noSuchPolicy(input.required('PolicyArn'));
    return policy;
  };
  /** A policy of AWS's in the form of ours. */
  const ownOfAws = (arn: string): ManagedPolicy | undefined => {
    const document = roles.documentOf(arn);
    if (document === undefined) return undefined;
    const name = arn.slice(arn.lastIndexOf('/') + 1);
    const versions = { v1: { document, createdAt: 0 } };
    return {
      ...{ name, arn, id: name.toUpperCase(), path: '/', versions, defaultVersion: 'v1', lastVersion: 1 },
      ...{ tags: {}, createdAt: 0, updatedAt: 0 },
    };
  };
  const view = (policy: ManagedPolicy) => ({
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    AttachmentCount: roles.attachments(policy.arn),
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
    Tags: tagList(policy.tags),
  });
  const versionView = (policy: ManagedPolicy, id: string) => ({
    VersionId: id,
    IsDefaultVersion: id === policy.defaultVersion,
    CreateDate: new Date(policy.versions[id]?.createdAt ?? 0),
  });

  const actions: Record<string, AnyHandler> = {
    async CreatePolicy(members) {
      const input = new Input(members);
      const name = checkedName(input, 'PolicyName', 128);
      const path = checkedPath(input);
      const arn = `arn:${partition}:iam::${accountId}:policy${path}${name}`;
      const document = checkedIdentityPolicy(input.required('PolicyDocument'));
      if (roles.policies().some((policy) => policy.name === name)) throw policyExists(name);
      const policy: ManagedPolicy = {
        ...{ name, path, arn, id: newPolicyId(), description: input.text('Description'), tags: input.tags() },
        ...{ versions: { v1: { document, createdAt: now() } }, defaultVersion: 'v1', lastVersion: 1 },
        ...{ createdAt: now(), updatedAt: now() },
      };
      roles.putPolicy(policy);
      return { Policy: view(policy) };
    },
    async GetPolicy(members) {
      return { Policy: view(find(new Input(members))) };
    },
    async GetPolicyVersion(members) {
      const input = new Input(members);
      const policy = find(input);
      const id = input.required('VersionId');
      const version = policy.versions[id];
      if (!version) throw noSuchPolicyVersion(policy.arn, id);
      return { PolicyVersion: { ...versionView(policy, id), Document: encoded(version.document) } };
    },
    async ListPolicyVersions(members) {
      const policy = find(new Input(members));
      const ids = Object.keys(policy.versions).reverse();
      return { Versions: ids.map((id) => versionView(policy, id)), IsTruncated: false };
    },
    async CreatePolicyVersion(members) {
      const input = new Input(members);
      const policy = findOurs(input);
      const document = checkedIdentityPolicy(input.required('PolicyDocument'));
      if (Object.keys(policy.versions).length >= mostVersions) throw tooManyVersions();
      const lastVersion = policy.lastVersion + 1;
      const id = `v${lastVersion}`;
      const changed: ManagedPolicy = {
        ...{ ...policy, lastVersion, updatedAt: now() },
        versions: { ...policy.versions, [id]: { document, createdAt: now() } },
        defaultVersion: input.flag('SetAsDefault') ? id : policy.defaultVersion,
      };
      roles.putPolicy(changed);
      return { PolicyVersion: versionView(changed, id) };
    },
    async SetDefaultPolicyVersion(members) {
      const input = new Input(members);
      const policy = findOurs(input);
      const id = input.required('VersionId');
      if (!policy.versions[id]) throw noSuchPolicyVersion(policy.arn, id);
      roles.putPolicy({ ...policy, defaultVersion: id, updatedAt: now() });
      return {};
    },
    async DeletePolicyVersion(members) {
      const input = new Input(members);
      const policy = findOurs(input);
      const id = input.required('VersionId');
      if (!policy.versions[id]) throw noSuchPolicyVersion(policy.arn, id);
      if (id === policy.defaultVersion) throw defaultVersion();
      const { [id]: _, ...versions } = policy.versions;
      roles.putPolicy({ ...policy, versions });
      return {};
    },
    async ListPolicies(members) {
      const input = new Input(members);
      const prefix = input.text('PathPrefix') ?? '/';
      const onlyAttached = input.flag('OnlyAttached');
      const ours = input.text('Scope') === 'AWS' ? [] : roles.policies();
      const all = ours.filter(
        ({ path, arn }) => path.startsWith(prefix) && (!onlyAttached || roles.attachments(arn) > 0),
      );
      const { items, position } = page(all, input, ({ name }) => name);
      return { Policies: items.map((policy) => ({ ...view(policy), Tags: undefined })), ...position };
    },
    async ListEntitiesForPolicy(members) {
      const { arn } = find(new Input(members));
      const attached = roles.roles().filter((role) => role.attached.includes(arn));
      const PolicyRoles = attached.map((role) => ({ RoleName: role.name, RoleId: role.id }));
      return { PolicyRoles, PolicyGroups: [], PolicyUsers: [], IsTruncated: false };
    },
    async DeletePolicy(members) {
      const policy = findOurs(new Input(members));
      if (roles.attachments(policy.arn) > 0) throw attachedPolicy();
      roles.removePolicy(policy.arn);
      return {};
    },
  };
  return actions;
}

import type { JsonObject } from '../template/parse.ts';
import type { Change, Made, ResourceType, Work } from './resource-type.ts';
import { document, isMissing, objects, tags, text, texts } from './values.ts';

const call = ({ services, caller }: Pick<Work, 'services' | 'caller'>, action: string, input: object) =>
  services.iam[action]!(input as Record<string, unknown>, caller);

const tagList = (all: Record<string, string>) => Object.entries(all).map(([Key, Value]) => ({ Key, Value }));

const policies = (properties: JsonObject) =>
  new Map(
    objects(properties, 'Policies').map((policy) => [
      text(policy, 'PolicyName') ?? '',
      document(policy, 'PolicyDocument'),
    ]),
  );

async function made(work: Work, RoleName: string): Promise<Made> {
  const { Role } = (await call(work, 'GetRole', { RoleName })) as { Role: { Arn: string; RoleId: string } };
  return { physicalId: RoleName, attributes: { Arn: Role.Arn, RoleId: Role.RoleId } };
}

/** Brings inline and attached policies from what `before` says to what the properties say. */
async function setPolicies(work: Work, RoleName: string, before: JsonObject): Promise<void> {
  const now = policies(work.properties);
  for (const [PolicyName, PolicyDocument] of now) {
    await call(work, 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument });
  }
  for (const PolicyName of policies(before).keys()) {
    if (!now.has(PolicyName)) await quietly(call(work, 'DeleteRolePolicy', { RoleName, PolicyName }));
  }
  const attached = texts(work.properties, 'ManagedPolicyArns');
  for (const PolicyArn of attached) await call(work, 'AttachRolePolicy', { RoleName, PolicyArn });
  for (const PolicyArn of texts(before, 'ManagedPolicyArns')) {
    if (!attached.includes(PolicyArn)) await quietly(call(work, 'DetachRolePolicy', { RoleName, PolicyArn }));
  }
}

/** Somebody else may have removed it already. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!isMissing(error)) throw error;
  });
}

export const iamRole: ResourceType = {
  type: 'AWS::IAM::Role',
  properties: [
    ...['RoleName', 'AssumeRolePolicyDocument', 'Path', 'Description', 'MaxSessionDuration', 'Policies'],
    ...['ManagedPolicyArns', 'PermissionsBoundary', 'Tags'],
  ],
  required: ['AssumeRolePolicyDocument'],
  nameProperty: 'RoleName',
  names: { lowerCase: false, longest: 64 },
  replacing: ['RoleName', 'Path'],
  iam: true,

  async create(work) {
    const { properties, name, repeated, stackTags } = work;
    const input = {
      RoleName: name,
      AssumeRolePolicyDocument: document(properties, 'AssumeRolePolicyDocument'),
      Path: text(properties, 'Path'),
      Description: text(properties, 'Description'),
      MaxSessionDuration: text(properties, 'MaxSessionDuration'),
      PermissionsBoundary: text(properties, 'PermissionsBoundary'),
      Tags: tagList(tags(properties, stackTags)),
    };
    await call(work, 'CreateRole', input).catch((error) => {
      if (!repeated || error.code !== 'EntityAlreadyExists') throw error;
    });
    work.made(name);
    await setPolicies(work, name, {});
    return made(work, name);
  },

  async update(change: Change) {
    const { properties, before, physicalId: RoleName, stackTags } = change;
    const PolicyDocument = document(properties, 'AssumeRolePolicyDocument');
    await call(change, 'UpdateAssumeRolePolicy', { RoleName, PolicyDocument });
    const MaxSessionDuration = text(properties, 'MaxSessionDuration') ?? '3600';
    await call(change, 'UpdateRole', {
      RoleName,
      MaxSessionDuration,
      Description: text(properties, 'Description'),
    });
    const PermissionsBoundary = text(properties, 'PermissionsBoundary');
    const boundary = PermissionsBoundary ? 'PutRolePermissionsBoundary' : 'DeleteRolePermissionsBoundary';
    await call(change, boundary, { RoleName, PermissionsBoundary });
    const now = tags(properties, stackTags);
    const gone = Object.keys(tags(before, {})).filter((key) => !Object.hasOwn(now, key));
    if (gone.length > 0) await call(change, 'UntagRole', { RoleName, TagKeys: gone });
    await call(change, 'TagRole', { RoleName, Tags: tagList(now) });
    await setPolicies(change, RoleName, before);
    return made(change, RoleName);
  },

  async delete(work) {
    const { physicalId: RoleName } = work;
    try {
      const attached = (await call(work, 'ListAttachedRolePolicies', { RoleName })) as {
        AttachedPolicies: { PolicyArn: string }[];
      };
      for (const { PolicyArn } of attached.AttachedPolicies) {
        await call(work, 'DetachRolePolicy', { RoleName, PolicyArn });
      }
      const inline = (await call(work, 'ListRolePolicies', { RoleName })) as { PolicyNames: string[] };
      for (const PolicyName of inline.PolicyNames)
        await call(work, 'DeleteRolePolicy', { RoleName, PolicyName });
      await call(work, 'DeleteRole', { RoleName });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  },
};

import { TemplateError } from '../template-error.ts';
import type { Change, ResourceType, Work } from './resource-type.ts';
import { document, isMissing, text, texts } from './values.ts';

const call = ({ services, caller }: Pick<Work, 'services' | 'caller'>, action: string, input: object) =>
  services.iam[action]!(input as Record<string, unknown>, caller);

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!isMissing(error)) throw error;
  });
}

function noUsers(properties: Work['properties']): void {
  for (const name of ['Users', 'Groups']) {
    if (texts(properties, name).length > 0) throw new TemplateError(`squib's IAM has no ${name}; use Roles.`);
  }
}

/** An inline policy of one or more roles. */
export const iamPolicy: ResourceType = {
  type: 'AWS::IAM::Policy',
  properties: ['PolicyName', 'PolicyDocument', 'Roles', 'Users', 'Groups'],
  required: ['PolicyName', 'PolicyDocument'],
  nameProperty: 'PolicyName',
  replacing: ['PolicyName'],
  iam: true,

  async create(work) {
    const { properties, name: PolicyName } = work;
    noUsers(properties);
    const PolicyDocument = document(properties, 'PolicyDocument');
    work.made(PolicyName);
    for (const RoleName of texts(properties, 'Roles')) {
      await call(work, 'PutRolePolicy', { RoleName, PolicyName, PolicyDocument });
    }
    return { physicalId: PolicyName, attributes: {} };
  },
  async update(change: Change) {
    const roles = texts(change.properties, 'Roles');
    for (const RoleName of texts(change.before, 'Roles')) {
      if (roles.includes(RoleName)) continue;
      await quietly(call(change, 'DeleteRolePolicy', { RoleName, PolicyName: change.physicalId }));
    }
    return this.create({ ...change, name: change.physicalId });
  },
  async delete(work) {
    for (const RoleName of texts(work.properties, 'Roles')) {
      await quietly(call(work, 'DeleteRolePolicy', { RoleName, PolicyName: work.physicalId }));
    }
  },
};

export const iamManagedPolicy: ResourceType = {
  type: 'AWS::IAM::ManagedPolicy',
  properties: ['ManagedPolicyName', 'PolicyDocument', 'Path', 'Description', 'Roles', 'Users', 'Groups'],
  required: ['PolicyDocument'],
  nameProperty: 'ManagedPolicyName',
  names: { lowerCase: false, longest: 128 },
  replacing: ['ManagedPolicyName', 'Path', 'Description'],
  iam: true,

  async create(work) {
    const { properties, name, repeated, caller } = work;
    noUsers(properties);
    const path = text(properties, 'Path') ?? '/';
    const made = await call(work, 'CreatePolicy', {
      ...{ PolicyName: name, PolicyDocument: document(properties, 'PolicyDocument'), Path: path },
      Description: text(properties, 'Description'),
    }).catch((error) => {
      if (!repeated || error.code !== 'EntityAlreadyExists') throw error;
      return { Policy: { Arn: `arn:aws:iam::${caller.accountId}:policy${path}${name}` } };
    });
    const { Arn } = (made as { Policy: { Arn: string } }).Policy;
    work.made(Arn);
    for (const RoleName of texts(properties, 'Roles')) {
      await call(work, 'AttachRolePolicy', { RoleName, PolicyArn: Arn });
    }
    return { physicalId: Arn, attributes: { PolicyArn: Arn } };
  },

  async update(change: Change) {
    const { physicalId: PolicyArn, properties, before } = change;
    const versions = (await call(change, 'ListPolicyVersions', { PolicyArn })) as {
      Versions: { VersionId: string; IsDefaultVersion: boolean }[];
    };
    for (const { VersionId, IsDefaultVersion } of versions.Versions) {
      if (!IsDefaultVersion) await call(change, 'DeletePolicyVersion', { PolicyArn, VersionId });
    }
    const PolicyDocument = document(properties, 'PolicyDocument');
    await call(change, 'CreatePolicyVersion', { PolicyArn, PolicyDocument, SetAsDefault: 'true' });
    const roles = texts(properties, 'Roles');
    for (const RoleName of roles) await call(change, 'AttachRolePolicy', { RoleName, PolicyArn });
    for (const RoleName of texts(before, 'Roles')) {
      if (!roles.includes(RoleName)) await quietly(call(change, 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    return { physicalId: PolicyArn, attributes: { PolicyArn } };
  },

  async delete(work) {
    const { physicalId: PolicyArn } = work;
    for (const RoleName of texts(work.properties, 'Roles')) {
      await quietly(call(work, 'DetachRolePolicy', { RoleName, PolicyArn }));
    }
    await quietly(call(work, 'DeletePolicy', { PolicyArn }));
  },
};

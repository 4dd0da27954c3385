import type { Made, ResourceType, Work } from './resource-type.ts';
import { isMissing, tags } from './values.ts';

const call = ({ services, caller }: Pick<Work, 'services' | 'caller'>, action: string, input: object) =>
  services.logs[action]!(input as Record<string, unknown>, caller);

async function settle(work: Work, logGroupName: string): Promise<Made> {
  const { properties, caller } = work;
  const days = properties.RetentionInDays;
  if (days === undefined) await call(work, 'DeleteRetentionPolicy', { logGroupName });
  else await call(work, 'PutRetentionPolicy', { logGroupName, retentionInDays: Number(days) });
  const Arn = `arn:aws:logs:${caller.region}:${caller.accountId}:log-group:${logGroupName}:*`;
  return { physicalId: logGroupName, attributes: { Arn } };
}

export const logGroup: ResourceType = {
  type: 'AWS::Logs::LogGroup',
  properties: ['LogGroupName', 'RetentionInDays', 'Tags', 'LogGroupClass', 'DeletionProtectionEnabled'],
  required: [],
  nameProperty: 'LogGroupName',
  replacing: ['LogGroupName'],

  async create(work) {
    const { name, properties, stackTags, repeated } = work;
    const input = { logGroupName: name, tags: tags(properties, stackTags) };
    await call(work, 'CreateLogGroup', input).catch((error) => {
      if (!repeated || error.code !== 'ResourceAlreadyExistsException') throw error;
    });
    work.made(name);
    return settle(work, name);
  },
  async update(change) {
    return settle(change, change.physicalId);
  },
  async delete(work) {
    await call(work, 'DeleteLogGroup', { logGroupName: work.physicalId }).catch((error) => {
      if (!isMissing(error)) throw error;
    });
  },
};

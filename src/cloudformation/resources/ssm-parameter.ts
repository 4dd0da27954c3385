import type { Made, ResourceType, Work } from './resource-type.ts';
import { isMissing, text } from './values.ts';

async function put(work: Work, name: string): Promise<Made> {
  const { properties, services, caller, stackTags } = work;
  const own = typeof properties.Tags === 'object' && !Array.isArray(properties.Tags) ? properties.Tags : {};
  const tags = Object.entries({ ...stackTags, ...own }).map(([Key, Value]) => ({ Key, Value }));
  const Type = text(properties, 'Type') ?? 'String';
  const Value = text(properties, 'Value') ?? '';
  const more = {
    Description: text(properties, 'Description'),
    AllowedPattern: text(properties, 'AllowedPattern'),
  };
  await services.ssm.PutParameter!({ Name: name, Type, Value, ...more, Overwrite: true, Tags: tags }, caller);
  return { physicalId: name, attributes: { Type, Value } };
}

export const ssmParameter: ResourceType = {
  type: 'AWS::SSM::Parameter',
  properties: [
    ...['Name', 'Type', 'Value', 'Description', 'AllowedPattern', 'DataType', 'Policies', 'Tags', 'Tier'],
  ],
  required: ['Type', 'Value'],
  nameProperty: 'Name',
  replacing: ['Name'],

  async create(work) {
    work.made(work.name);
    return put(work, work.name);
  },
  async update(change) {
    return put(change, change.physicalId);
  },
  async delete({ services, caller, physicalId }) {
    await services.ssm.DeleteParameter!({ Name: physicalId }, caller).catch((error) => {
      if (!isMissing(error)) throw error;
    });
  },
};

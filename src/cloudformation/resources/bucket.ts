import type { JsonObject } from '../template/parse.ts';
import { isObject } from '../template/template.ts';
import type { BucketSetting, Made, ResourceType, Work } from './resource-type.ts';
import { objects, tags } from './values.ts';

const made = ({ caller }: Work, name: string): Made => ({
  physicalId: name,
  attributes: {
    Arn: `arn:aws:s3:::${name}`,
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${caller.region}.amazonaws.com`,
  },
});

const object = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** Properties in the words of S3's API, by the setting's name. */
function settings(properties: JsonObject, stackTags: Readonly<Record<string, string>>): BucketSetting[] {
  const { VersioningConfiguration, PublicAccessBlockConfiguration, OwnershipControls, BucketEncryption } =
    properties;
  const TagSet = Object.entries(tags(properties, stackTags)).map(([Key, Value]) => ({ Key, Value }));
  const encrypted = objects(object(BucketEncryption), 'ServerSideEncryptionConfiguration');
  return [
    ...(isObject(VersioningConfiguration)
      ? [{ query: 'versioning', document: VersioningConfiguration }]
      : []),
    ...(isObject(PublicAccessBlockConfiguration)
      ? [{ query: 'publicAccessBlock', document: PublicAccessBlockConfiguration }]
      : []),
    ...(isObject(OwnershipControls)
      ? [{ query: 'ownershipControls', document: { Rule: objects(OwnershipControls, 'Rules') } }]
      : []),
    ...(encrypted.length > 0
      ? [
          {
            query: 'encryption',
            document: {
              Rule: encrypted.map(({ ServerSideEncryptionByDefault, ...rule }) => ({
                ...{ ApplyServerSideEncryptionByDefault: object(ServerSideEncryptionByDefault), ...rule },
              })),
            },
          },
        ]
      : []),
    ...(TagSet.length > 0 ? [{ query: 'tagging', document: { TagSet: { Tag: TagSet } } }] : []),
  ];
}

/** Gives the bucket what the template says, and takes away what an earlier one said. */
async function settle(work: Work, name: string, before: JsonObject): Promise<void> {
  const { services, caller, properties, stackTags } = work;
  const wanted = settings(properties, stackTags);
  for (const setting of wanted) await services.buckets.putSetting(name, setting, caller);
  const gone = settings(before, {}).filter(({ query }) => !wanted.some((each) => each.query === query));
  for (const { query } of gone) {
    // S3 has no deletion for it: it is suspended.
    if (query !== 'versioning') await services.buckets.removeSetting(name, query, caller);
    else await services.buckets.putSetting(name, { query, document: { Status: 'Suspended' } }, caller);
  }
}

/**
 * A bucket, with those of its settings that squib's S3 keeps (docs/services.md). Life cycles, CORS and logging, which have
 * no effect here, are let stand.
 */
export const bucket: ResourceType = {
  type: 'AWS::S3::Bucket',
  properties: [
    ...[
      'BucketName',
      'AccessControl',
      'BucketEncryption',
      'PublicAccessBlockConfiguration',
      'OwnershipControls',
    ],
    ...[
      'LifecycleConfiguration',
      'VersioningConfiguration',
      'Tags',
      'CorsConfiguration',
      'LoggingConfiguration',
    ],
  ],
  required: [],
  nameProperty: 'BucketName',
  names: { lowerCase: true, longest: 63 },
  replacing: ['BucketName'],

  async create(work) {
    const { services, caller, name, repeated } = work;
    if (!repeated || !(await services.buckets.exists(name))) await services.buckets.create(name, caller);
    work.made(name);
    await settle(work, name, {});
    return made(work, name);
  },
  async update(change) {
    await settle(change, change.physicalId, change.before);
    return made(change, change.physicalId);
  },
  async delete({ services, caller, physicalId }) {
    if (await services.buckets.exists(physicalId)) await services.buckets.delete(physicalId, caller);
  },
};

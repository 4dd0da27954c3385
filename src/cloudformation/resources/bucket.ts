import type { Made, ResourceType, Work } from './resource-type.ts';

const made = ({ caller }: Work, name: string): Made => ({
  physicalId: name,
  attributes: {
    Arn: `arn:aws:s3:::${name}`,
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${caller.region}.amazonaws.com`,
  },
});

/**
 * A bucket. What squib's S3 has no use for (encryption with AWS's keys, public access, which squib never gives) is let
 * stand; so are versioning and life cycles, which it does not have: see docs/compatibility.md.
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
    return made(work, name);
  },
  async update(change) {
    return made(change, change.physicalId);
  },
  async delete({ services, caller, physicalId }) {
    if (await services.buckets.exists(physicalId)) await services.buckets.delete(physicalId, caller);
  },
};

import type { Made, ResourceType, Work } from './resource-type.ts';
import { document, isMissing, text } from './values.ts';

async function put({ properties, services, caller }: Work): Promise<Made> {
  const bucket = text(properties, 'Bucket') ?? '';
  const setting = { query: 'policy', document: document(properties, 'PolicyDocument') };
  await services.buckets.putSetting(bucket, setting, caller);
  return { physicalId: bucket, attributes: {} };
}

/** Kept with the bucket and shown; it gives and takes nothing (docs/services.md). */
export const bucketPolicy: ResourceType = {
  type: 'AWS::S3::BucketPolicy',
  properties: ['Bucket', 'PolicyDocument'],
  required: ['Bucket', 'PolicyDocument'],
  replacing: ['Bucket'],

  async create(work) {
    return put(work);
  },
  async update(change) {
    return put(change);
  },
  async delete({ services, caller, physicalId }) {
    await services.buckets.removeSetting(physicalId, 'policy', caller).catch((error) => {
      if (!isMissing(error)) throw error;
    });
  },
};

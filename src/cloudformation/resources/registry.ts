import { bucket } from './bucket.ts';
import { bucketPolicy } from './bucket-policy.ts';
import { iamManagedPolicy, iamPolicy } from './iam-policies.ts';
import { iamRole } from './iam-role.ts';
import { logGroup } from './log-group.ts';
import { microvmImage } from './microvm-image.ts';
import { networkConnector } from './network-connector.ts';
import type { ResourceType } from './resource-type.ts';
import { ssmParameter } from './ssm-parameter.ts';

/** CDK's note about itself: nothing is made of it. */
const cdkMetadata: ResourceType = {
  type: 'AWS::CDK::Metadata',
  ...{ properties: ['Analytics'], required: [], replacing: [] },
  create: async ({ name }) => ({ physicalId: name, attributes: {} }),
  update: async ({ physicalId }) => ({ physicalId, attributes: {} }),
  delete: async () => {},
};

/** Every type of resource that squib has, by its name. */
export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map(
  [
    ...[microvmImage, networkConnector, iamRole, iamPolicy, iamManagedPolicy, bucket, logGroup],
    ...[bucketPolicy, ssmParameter, cdkMetadata],
  ].map((type) => [type.type, type]),
);

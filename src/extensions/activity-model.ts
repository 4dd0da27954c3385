import type { ServiceModel } from '../aws/protocol/model.ts';
import type { ActivityPolicyView } from '../control/activity/activity-policies.ts';

const requestUri = '/_squib/v1/activity-policies/{resourceIdentifier}';

/** The part of {@link squibModel} that is about activity policies. */
export const activityOperations: ServiceModel['operations'] = {
  PutActivityPolicy: {
    ...{ method: 'PUT', requestUri, responseCode: 200 },
    ...{ input: 'PutActivityPolicyRequest', output: 'ActivityPolicy' },
  },
  GetActivityPolicy: {
    ...{ method: 'GET', requestUri, responseCode: 200, readonly: true },
    ...{ input: 'ActivityPolicyRequest', output: 'ActivityPolicy' },
  },
  DeleteActivityPolicy: {
    ...{ method: 'DELETE', requestUri, responseCode: 204 },
    input: 'ActivityPolicyRequest',
  },
};

const resourceIdentifier = {
  shape: 'ResourceIdentifier',
  location: 'uri',
  locationName: 'resourceIdentifier',
} as const;
const limits = {
  cpuPercent: { shape: 'CpuPercent' },
  egressBytesPerSecond: { shape: 'BytesPerSecond' },
};

export const activityShapes: ServiceModel['shapes'] = {
  CpuPercent: { type: 'integer', min: 0, max: 100_000 },
  BytesPerSecond: { type: 'long', min: 0, max: 2 ** 40 },
  ActivityPolicyRequest: {
    type: 'structure',
    required: ['resourceIdentifier'],
    members: { resourceIdentifier },
  },
  PutActivityPolicyRequest: {
    type: 'structure',
    required: ['resourceIdentifier'],
    members: { resourceIdentifier, ...limits },
  },
  ActivityPolicy: {
    type: 'structure',
    members: { resourceIdentifier: { shape: 'Text' }, ...limits, source: { shape: 'Text' } },
  },
};

export interface ActivityOperations {
  PutActivityPolicy: {
    input: { resourceIdentifier: string; cpuPercent?: number; egressBytesPerSecond?: number };
    output: ActivityPolicyView;
  };
  GetActivityPolicy: { input: { resourceIdentifier: string }; output: ActivityPolicyView };
  DeleteActivityPolicy: { input: { resourceIdentifier: string }; output: object };
}

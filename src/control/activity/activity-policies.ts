import type { Caller } from '../../aws/caller.ts';
import type { Context } from '../context.ts';
import { microvmEnded } from '../errors.ts';
import { findImage } from '../images/find-image.ts';
import { findMicrovm } from '../microvms/find-microvm.ts';
import {
  type ActivityPolicy,
  type ActivityPolicySource,
  activityPolicyOf,
  activityPolicyOfImage,
} from './activity-policy.ts';

export interface ActivityPolicyView extends ActivityPolicy {
  resourceIdentifier: string;
  /** Whose policy it is that holds. */
  source: ActivityPolicySource;
}

/** The policy that holds for a MicroVM or for the MicroVMs of an image. @throws ServiceError 400, 404 */
export function getActivityPolicy(
  context: Context,
  resourceIdentifier: string,
  caller: Caller,
): ActivityPolicyView {
  if (resourceIdentifier.startsWith('arn:')) {
    const { arn } = findImage(context.store, caller, resourceIdentifier);
    return { resourceIdentifier, ...activityPolicyOfImage(context, arn) };
  }
  const microvm = findMicrovm(context.store, caller, resourceIdentifier);
  if (microvm.state === 'TERMINATED') throw microvmEnded(resourceIdentifier);
  return { resourceIdentifier, ...activityPolicyOf(context, microvm) };
}

/** Gives a MicroVM, or every MicroVM of an image that has none of its own, a policy. @throws ServiceError 400, 404 */
export function putActivityPolicy(
  context: Context,
  resourceIdentifier: string,
  policy: Partial<ActivityPolicy>,
  caller: Caller,
): ActivityPolicyView {
  getActivityPolicy(context, resourceIdentifier, caller); // it must be there
  const { cpuPercent = 0, egressBytesPerSecond = 0 } = policy;
  const { store, microvms } = context;
  store.transaction(() =>
    store.activityPolicies.put(resourceIdentifier, { cpuPercent, egressBytesPerSecond }),
  );
  microvms.watchActivity();
  return getActivityPolicy(context, resourceIdentifier, caller);
}

/** Lets the image's policy, or the configuration's, hold again. @throws ServiceError 400, 404 */
export function deleteActivityPolicy(context: Context, resourceIdentifier: string, caller: Caller): void {
  getActivityPolicy(context, resourceIdentifier, caller);
  context.store.transaction(() => context.store.activityPolicies.remove(resourceIdentifier));
}

import type { MicrovmRow } from '../../store/microvms.ts';
import type { Ground } from '../context.ts';

/**
 * squib's own: what counts as activity for the idle policy besides bytes at the endpoint, which is all that counts at AWS.
 * 0: does not count.
 */
export interface ActivityPolicy {
  /** Processor time of the MicroVM, in percent of one processor: so much or more. */
  cpuPercent: number;
  /** Bytes per second through its network card, both directions together: so many or more. */
  egressBytesPerSecond: number;
}

export type ActivityPolicySource = 'MICROVM' | 'IMAGE' | 'CONFIGURATION';

/** The policy that holds for a MicroVM: its own, else its image's, else that of the configuration. */
export function activityPolicyOf(
  { store, config }: Pick<Ground, 'store' | 'config'>,
  microvm: Pick<MicrovmRow, 'id' | 'imageArn'>,
): ActivityPolicy & { source: ActivityPolicySource } {
  const { activityPolicies } = store;
  const own = activityPolicies.get(microvm.id);
  if (own !== undefined) return { ...own, source: 'MICROVM' };
  return activityPolicyOfImage({ store, config }, microvm.imageArn);
}

export function activityPolicyOfImage(
  { store, config }: Pick<Ground, 'store' | 'config'>,
  imageArn: string,
): ActivityPolicy & { source: ActivityPolicySource } {
  const policy = store.activityPolicies.get(imageArn);
  return policy === undefined
    ? { ...config.activity, source: 'CONFIGURATION' }
    : { ...policy, source: 'IMAGE' };
}

/** False for the policy of AWS, by which only the endpoint counts. */
export const watches = ({ cpuPercent, egressBytesPerSecond }: ActivityPolicy) =>
  cpuPercent > 0 || egressBytesPerSecond > 0;

/** Why a MicroVM counts as idle, a sentence. */
export function idleReason(seconds: number, policy: ActivityPolicy): string {
  const also = [
    ...(policy.cpuPercent > 0 ? [`it used less than ${policy.cpuPercent} % of a processor`] : []),
    ...(policy.egressBytesPerSecond > 0
      ? [`less than ${policy.egressBytesPerSecond} bytes/s crossed its network card`]
      : []),
  ];
  return `${[`No traffic crossed the endpoint for ${seconds} s`, ...also].join(', and ')}.`;
}

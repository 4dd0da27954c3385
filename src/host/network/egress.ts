import { contains, type Network, parseIPv4, parseNetwork } from '../../config/ipv4.ts';
import { neverReached, privateNetworks } from './forbidden.ts';

/** One thing that is allowed. Ports: an inclusive range; only with a protocol that has ports. */
export interface EgressRule {
  to: Network;
  protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  ports?: { first: number; last: number };
}

/** Where a MicroVM may go: everywhere public (TCP), and what the rules name. Nothing at all with neither. */
export interface EgressPolicy {
  internet: boolean;
  rules: EgressRule[];
}

export const noEgress: EgressPolicy = { internet: false, rules: [] };

/** True when the policy leads nowhere: no address, no names. */
export function isClosed({ internet, rules }: EgressPolicy): boolean {
  return !internet && rules.length === 0;
}

const never = neverReached.map((text) => parseNetwork(text)!);
const special = privateNetworks.map((text) => parseNetwork(text)!);

/**
 * Whether a name may resolve to an address. The firewall decides about packets by the same policy; this keeps names
 * of forbidden places from being learned and from being rebound to.
 * @param own networks and addresses of this host.
 */
export function mayBeNamed(policy: EgressPolicy, own: readonly Network[], address: string): boolean {
  const number = parseIPv4(address);
  if (number === undefined || contains(never, number)) return false;
  if (policy.rules.some(({ to }) => contains([to], number))) return true;
  return policy.internet && !contains(special, number) && !contains(own, number);
}

import { contains, type Network, parseIPv4, parseNetwork } from '../../config/ipv4.ts';
import { neverReached, privateNetworks } from './forbidden.ts';

/** One thing that is allowed. Ports: an inclusive range; only with a protocol that has ports. */
export interface EgressRule {
  to: Network;
  protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  ports?: { first: number; last: number };
}

/** What is allowed to the addresses that squib answers for a name. */
export interface DomainRule extends Pick<EgressRule, 'protocol' | 'ports'> {
  /** Lower case; `*.` before it stands for every name below. */
  domain: string;
  /** Only addresses in these. */
  within: Network[];
}

/** Where a MicroVM may go: everywhere public (TCP), and what the rules name. Nothing at all with none of them. */
export interface EgressPolicy {
  internet: boolean;
  rules: EgressRule[];
  domains: DomainRule[];
}

export const noEgress: EgressPolicy = { internet: false, rules: [], domains: [] };

/** True when the policy leads nowhere: no address, no names. */
export function isClosed({ internet, rules, domains }: EgressPolicy): boolean {
  return !internet && rules.length === 0 && domains.length === 0;
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

/** Whether a name may be asked for: any where addresses are allowed, else only those that rules name. */
export function mayBeAsked(policy: EgressPolicy, name: string | undefined): boolean {
  if (policy.internet || policy.rules.length > 0) return true;
  return name !== undefined && policy.domains.some(({ domain }) => isOfDomain(name, domain));
}

/**
 * Which of the policy's domain rules allow an address that was answered for a name. A name's owner must not be able to
 * point it into private networks, so those are only for rules whose subnet lies in one.
 * @returns indices of `policy.domains`
 */
export function domainRulesFor(
  { domains }: EgressPolicy,
  own: readonly Network[],
  name: string | undefined,
  address: string,
): number[] {
  const number = parseIPv4(address);
  if (name === undefined || number === undefined || contains(never, number)) return [];
  const isPublic = !contains(special, number) && !contains(own, number);
  return domains.flatMap(({ domain, within }, index) => {
    const reached = isPublic ? within : within.filter((network) => isPrivate(network));
    return isOfDomain(name, domain) && contains(reached, number) ? [index] : [];
  });
}

function isOfDomain(name: string, domain: string): boolean {
  return domain.startsWith('*.') ? name.endsWith(domain.slice(1)) : name === domain;
}

function isPrivate({ first, last }: Network): boolean {
  return special.some((network) => network.first <= first && last <= network.last);
}

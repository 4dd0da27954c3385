import type { Config } from '../../config/config.ts';
import { intersection, type Network, parseNetwork } from '../../config/ipv4.ts';
import type { EgressOrder } from '../../control/host.ts';
import type { DomainRule, EgressPolicy, EgressRule } from './egress.ts';

/**
 * What connectors mean on this host. A VPC connector leads where one of its subnets leads (setting `networks`) and one
 * of its security groups allows (setting `securityGroups`); names that are not configured lead nowhere.
 */
export function egressPolicy(
  order: EgressOrder,
  { networks, securityGroups }: Pick<Config, 'networks' | 'securityGroups'>,
): EgressPolicy {
  const rules = order.vpcs.flatMap(({ subnetIds, securityGroupIds }) => {
    const reached = subnetIds.flatMap((id) => networks[id]?.destinations ?? []);
    const allowed = securityGroupIds.flatMap((id) => securityGroups[id]?.egress ?? []);
    return allowed.flatMap((rule) => reached.flatMap((destination) => ruleFor(rule, destination)));
  });
  const domains = order.vpcs.flatMap(({ subnetIds, securityGroupIds }) => {
    const within = subnetIds
      .flatMap((id) => networks[id]?.destinations ?? [])
      .map((text) => parseNetwork(text)!);
    const allowed = securityGroupIds.flatMap((id) => securityGroups[id]?.egress ?? []);
    return within.length === 0 ? [] : allowed.flatMap((rule) => domainRule(rule, within));
  });
  return { internet: order.internet, rules, domains };
}

type ConfiguredRule = Config['securityGroups'][string]['egress'][number];

function domainRule({ domain, protocol, ports }: ConfiguredRule, within: Network[]): DomainRule[] {
  if (domain === undefined) return [];
  return [{ domain, within, protocol, ...(ports !== undefined && { ports: portRange(ports) }) }];
}

function ruleFor({ cidr, protocol, ports }: ConfiguredRule, destination: string): EgressRule[] {
  const to = cidr && intersection(parseNetwork(cidr)!, parseNetwork(destination)!);
  if (!to) return [];
  return [{ to, protocol, ...(ports !== undefined && { ports: portRange(ports) }) }];
}

/** `443` or `8000-8100`. */
export function portRange(text: string): { first: number; last: number } {
  const [first = '', last = first] = text.split('-');
  return { first: Number(first), last: Number(last) };
}

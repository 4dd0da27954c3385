import { parseNetwork } from './ipv4.ts';
import { checkRoleKeys, type RoleKeysSetting } from './role-keys.ts';

/** What names of AWS's network and roles mean on this host. */
export interface NetworkSettings {
  /**
   * Key: a subnet's id, `subnet-…`. `destinations`: networks (IPv4, CIDR) that lie behind it; a subnet that is not here
   * leads nowhere, `0.0.0.0/0` is one with a way to the internet. Never reached: this host, link-local addresses.
   */
  networks: Record<string, { destinations: string[] }>;
  /** Key: a security group's id, `sg-…`. What is not allowed by a rule is refused. */
  securityGroups: Record<string, { egress: SecurityGroupRule[] }>;
  /** Key: the ARN of an execution role whose keys do not come from squib itself. */
  roles: Record<string, RoleKeysSetting>;
}

export interface SecurityGroupRule {
  /** IPv4; either this or `domain`. */
  cidr?: string;
  /**
   * `api.example.com`, or `*.example.com` for every name below it: the addresses that squib has answered for it, public
   * ones unless a subnet's destination is itself private.
   */
  domain?: string;
  protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  /** `443` or `8000-8100`; left out: all. Only for tcp and udp. */
  ports?: string;
}

const domainForm = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/;

type Fail = (path: string, problem: string) => never;

/** Checks what comes from the user's file, of whatever type it is. */
export function checkNetworks(settings: NetworkSettings, fail: Fail): void {
  for (const [id, network] of entries(settings.networks, 'networks', fail)) {
    const path = `networks.${id}`;
    only(network, ['destinations'], path, fail);
    for (const cidr of list(network.destinations, `${path}.destinations`, fail)) {
      if (typeof cidr !== 'string' || !parseNetwork(cidr))
        fail(`${path}.destinations`, 'must hold networks like 10.1.0.0/16');
    }
  }
  for (const [id, group] of entries(settings.securityGroups, 'securityGroups', fail)) {
    const path = `securityGroups.${id}`;
    only(group, ['egress'], path, fail);
    for (const rule of list(group.egress, `${path}.egress`, fail)) checkRule(rule, `${path}.egress`, fail);
  }
  for (const [arn, role] of entries(settings.roles, 'roles', fail)) {
    checkRoleKeys(role, `roles.${arn}`, fail);
  }
}

function checkRule(rule: unknown, path: string, fail: Fail): void {
  if (!isObject(rule)) fail(path, 'must hold objects');
  only(rule, ['cidr', 'domain', 'protocol', 'ports'], path, fail);
  const { cidr, domain, protocol, ports } = rule;
  if ((cidr === undefined) === (domain === undefined)) fail(path, 'must have either cidr or domain');
  if (cidr !== undefined && (typeof cidr !== 'string' || !parseNetwork(cidr)))
    fail(`${path}.cidr`, 'must be a network like 10.1.0.0/16');
  if (domain !== undefined && (typeof domain !== 'string' || !domainForm.test(domain)))
    fail(`${path}.domain`, 'must be a name like api.example.com or *.example.com');
  if (!['tcp', 'udp', 'icmp', 'any'].includes(String(protocol)))
    fail(`${path}.protocol`, "must be 'tcp', 'udp', 'icmp' or 'any'");
  if (ports === undefined) return;
  if (protocol !== 'tcp' && protocol !== 'udp') fail(`${path}.ports`, 'go with tcp and udp only');
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(ports));
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (typeof ports !== 'string' || !match || first < 1 || last > 65_535 || first > last)
    fail(`${path}.ports`, "must look like '443' or '8000-8100'");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function entries(value: unknown, path: string, fail: Fail): [string, Record<string, unknown>][] {
  if (!isObject(value)) fail(path, 'must be an object');
  return Object.entries(value).map(([name, item]) => {
    if (!isObject(item)) fail(`${path}.${name}`, 'must be an object');
    return [name, item];
  });
}

function list(value: unknown, path: string, fail: Fail): unknown[] {
  if (!Array.isArray(value)) fail(path, 'must be a list');
  return value;
}

function only(value: Record<string, unknown>, names: string[], path: string, fail: Fail): void {
  for (const name of Object.keys(value))
    if (!names.includes(name)) fail(`${path}.${name}`, 'is not a setting of squib');
}

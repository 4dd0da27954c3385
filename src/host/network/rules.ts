import { formatRange } from '../../config/ipv4.ts';
import type { EgressPolicy, EgressRule } from './egress.ts';
import { isClosed } from './egress.ts';
import { neverReached, privateNetworks } from './forbidden.ts';
import { inside } from './uplink.ts';
import type { Wire } from './wires.ts';

/** nftables' table in the namespace of the MicroVMs. */
const table = 'inet squib';

/** A MicroVM's way out: where it may go, and the mark that its connections carry so that no successor gets answers. */
export interface Admission {
  wire: Wire;
  mark: number;
  policy: EgressPolicy;
  /** By domain rule of the policy: addresses that were answered, and until when they are allowed (epoch milliseconds). */
  learned?: Record<number, Record<string, number>>;
  /** Bytes counted so far. */
  sent: number;
  received: number;
}

/**
 * All rules, as one transaction that replaces whatever was there. A packet of a MicroVM is looked at every time, not
 * only the first of a connection, so that a policy that is withdrawn ends what it allowed.
 * @param own networks and addresses of the host, no more public than private ones.
 */
export function allRules(
  wires: readonly Wire[],
  admissions: readonly Admission[],
  own: readonly string[],
): string {
  return `
add table ${table}
delete table ${table}
table ${table} {
  set wires { type ifname . ipv4_addr; }
  map ways { type ifname : verdict; }
  map marks { type ifname : mark; }
  set answers { type ifname . mark; }
  set sent { type ifname; counter; }
  set received { type ifname; counter; }
  set own { type ipv4_addr; flags interval; auto-merge; }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    drop
  }
  chain internet {
    meta l4proto != tcp goto refuse
    ip daddr { ${privateNetworks.join(', ')} } goto refuse
    ip daddr @own goto refuse
    accept
  }
  chain origin {
    type filter hook prerouting priority raw; policy drop;
    meta nfproto != ipv4 drop
    iifname { "${inside}", "lo" } accept
    iifname . ip saddr @wires accept
  }
  chain input {
    type filter hook input priority filter; policy drop;
    goto refuse
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "${inside}" oifname . ct mark @answers ct state established,related accept
    iifname "${inside}" drop
    oifname != "${inside}" goto refuse
    ip daddr { ${neverReached.join(', ')} } goto refuse
    ct mark set iifname map @marks
    iifname vmap @ways
    goto refuse
  }
  chain count {
    type filter hook forward priority filter + 10; policy accept;
    iifname @sent
    oifname @received
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${inside}" masquerade
  }
}
${wireRules(wires)}${ownRules(own)}${admissions.map(admissionRules).join('')}`;
}

/** Lets the namespace know which address belongs to which wire. */
export function wireRules(wires: readonly Wire[]): string {
  if (wires.length === 0) return '';
  return `add element ${table} wires { ${wires.map((w) => `"${w.name}" . ${w.address}`).join(', ')} }\n`;
}

export function ownRules(own: readonly string[]): string {
  return `flush set ${table} own\n${own.length > 0 ? `add element ${table} own { ${own.join(', ')} }\n` : ''}`;
}

/** Lets one MicroVM out; nothing for a policy that leads nowhere. */
export function admissionRules(admission: Admission): string {
  const { wire, mark, policy, sent, received } = admission;
  if (isClosed(policy)) return '';
  const own = chainOf(wire);
  const last = policy.internet ? 'goto internet' : 'goto refuse';
  const named = policy.domains.map((rule, index) => `ip daddr @${setOf(wire, index)} ${protocolText(rule)}`);
  const rules = [...policy.rules.map(ruleText), ...named, last].map(
    (rule) => `add rule ${table} ${own} ${rule}\n`,
  );
  return [
    ...policy.domains.map((_, index) => `add set ${table} ${setOf(wire, index)} ${learnedSet}\n`),
    ...Object.entries(admission.learned ?? {}).flatMap(([index, addresses]) =>
      learnRules(wire, Number(index), Object.keys(addresses)),
    ),
    `add chain ${table} ${own}\n`,
    ...rules,
    `add element ${table} sent { "${wire.name}" counter packets 0 bytes ${sent} }\n`,
    `add element ${table} received { "${wire.name}" counter packets 0 bytes ${received} }\n`,
    `add element ${table} marks { "${wire.name}" : ${mark} }\n`,
    `add element ${table} answers { "${wire.name}" . ${mark} }\n`,
    `add element ${table} ways { "${wire.name}" : goto ${own} }\n`,
  ].join('');
}

/** Undoes {@link admissionRules}. */
export function withdrawalRules({ wire, mark, policy }: Admission): string {
  if (isClosed(policy)) return '';
  return [
    `delete element ${table} ways { "${wire.name}" }\n`,
    `delete element ${table} answers { "${wire.name}" . ${mark} }\n`,
    `delete element ${table} marks { "${wire.name}" }\n`,
    `delete element ${table} received { "${wire.name}" }\n`,
    `delete element ${table} sent { "${wire.name}" }\n`,
    `flush chain ${table} ${chainOf(wire)}\n`,
    `delete chain ${table} ${chainOf(wire)}\n`,
    ...policy.domains.map((_, index) => `delete set ${table} ${setOf(wire, index)}\n`),
  ].join('');
}

/** How long an address is allowed after it was last answered for a name. */
export const learnedForMs = 6 * 60 * 60 * 1000;
/** A name that answers with ever new addresses ends there. */
const learnedSet = '{ type ipv4_addr; flags timeout; size 4096; }';

/** Allows addresses by a domain rule, from now on for as long as {@link learnedForMs}. */
export function learnRules(wire: Wire, index: number, addresses: readonly string[]): string[] {
  const set = `${table} ${setOf(wire, index)}`;
  // Added, taken and added again, because adding alone leaves the time that an element has left.
  return addresses.map(
    (address) =>
      `add element ${set} { ${address} }\ndelete element ${set} { ${address} }\n` +
      `add element ${set} { ${address} timeout ${learnedForMs / 1000}s }\n`,
  );
}

const setOf = (wire: Wire, index: number) => `names_${wire.name}_${index}`;
const chainOf = (wire: Wire) => `from_${wire.name}`;

const ruleText = (rule: EgressRule) => `ip daddr ${formatRange(rule.to)} ${protocolText(rule)}`;

function protocolText({ protocol, ports }: Pick<EgressRule, 'protocol' | 'ports'>): string {
  if (protocol === 'any') return 'accept';
  if (protocol === 'icmp' || !ports) return `meta l4proto ${protocol} accept`;
  return `${protocol} dport ${ports.first}-${ports.last} accept`;
}

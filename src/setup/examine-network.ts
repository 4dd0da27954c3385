import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Finding } from './examine.ts';

interface Chain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}

/** What the network of MicroVMs needs of this host. */
export function examineNetwork(): Finding[] {
  return [tun(), forwarding()];
}

function tun(): Finding {
  const subject = 'TAP interfaces';
  if (existsSync('/dev/net/tun')) return { subject, state: 'ok', detail: 'MicroVMs can have network cards' };
  return { subject, state: 'problem', detail: '/dev/net/tun is missing', remedy: 'modprobe tun' };
}

/**
 * Other firewalls (Docker's, ufw's) may drop what this host forwards, whatever squib's own table allows: a packet must
 * pass all of them.
 */
function forwarding(): Finding {
  const subject = 'forwarding';
  const { status, stdout } = spawnSync('nft', ['-j', 'list', 'ruleset'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) return { subject, state: 'warning', detail: "the host's firewall cannot be listed" };
  const closed = closedChains(stdout);
  if (closed.length === 0)
    return { subject, state: 'ok', detail: 'no other firewall drops what MicroVMs send' };
  const names = closed.map(({ family, table, name }) => `${family} ${table} ${name}`).join(', ');
  const usual = closed.some(({ table, name }) => table === 'filter' && name === 'FORWARD');
  return {
    subject,
    state: 'warning',
    detail: `${names} drops what it does not know, MicroVMs and image builds included`,
    remedy: usual
      ? 'iptables -I FORWARD -i sqb+ -j ACCEPT; iptables -I FORWARD -o sqb+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
      : 'Accept there what comes in by sqb* and what goes out by sqb* as established.',
  };
}

/** Chains of others at the forward hook whose policy is to drop and that no rule about our interfaces opens. */
export function closedChains(ruleset: string): Chain[] {
  const { nftables } = JSON.parse(ruleset) as {
    nftables: { chain?: Chain; rule?: Chain & { chain: string } }[];
  };
  const opened = new Set(
    nftables.flatMap(({ rule }) =>
      rule && JSON.stringify(rule).includes('"sqb') ? `${rule.family} ${rule.table} ${rule.chain}` : [],
    ),
  );
  return nftables.flatMap(({ chain }) => {
    if (chain?.hook !== 'forward' || chain.policy !== 'drop' || chain.family === 'ip6') return [];
    return opened.has(`${chain.family} ${chain.table} ${chain.name}`) ? [] : [chain];
  });
}

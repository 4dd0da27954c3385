import { writeFile } from 'node:fs/promises';
import { neverReached, privateNetworks } from '../network/forbidden.ts';
import { command, defaultRoutes, hostResolvers, ownNetworks } from '../network/host-network.ts';
import { closedByDefault, openForwarding, releaseSlotAndForwarding } from './forwarding.ts';
import { runCommand } from './run-command.ts';
import type { Slot } from './slots.ts';

/** Destinations that no RUN step may reach. */
const forbidden = [...neverReached, ...privateNetworks];

/**
 * Connects the network namespace of `pid` to the internet and to nothing else: a pair of interfaces, IPv4 only,
 * filtered on the host's end, so that nothing inside the sandbox can lift it.
 */
export async function connectNetwork(slot: Slot, pid: number): Promise<void> {
  const uplinks = await defaultRoutes();
  const opened = await closedByDefault(uplinks);
  const resolvers = await hostResolvers();
  await command('nft', ['-f', '-'], filter(slot, resolvers, await ownNetworks(), opened));
  const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)];
  await command('ip', ['link', 'add', slot.interfaceName, ...pair]);
  await command('ip', ['address', 'add', `${slot.gateway}/30`, 'dev', slot.interfaceName]);
  await writeFile(`/proc/sys/net/ipv6/conf/${slot.interfaceName}/disable_ipv6`, '1').catch(() => {}); // no IPv6 here
  await command('ip', ['link', 'set', slot.interfaceName, 'up']);
  await writeFile(`/proc/sys/net/ipv4/conf/${slot.interfaceName}/forwarding`, '1');
  await openForwarding(uplinks); // answers come in there; only now that the rules stand
}

/** Removes what {@link connectNetwork} made, also half of it, and gives the slot back. */
export async function disconnectNetwork(slot: Slot): Promise<void> {
  await runCommand('ip', ['link', 'delete', slot.interfaceName]);
  await runCommand('nft', ['delete', 'table', 'inet', slot.table]);
  await releaseSlotAndForwarding(slot);
}

/** The rules; `opened`: interfaces that forward only because of us, so that we say what they may forward. */
function filter(slot: Slot, resolvers: string[], neighbours: string[], opened: string[]): string {
  const from = `iifname "${slot.interfaceName}"`;
  const names =
    resolvers.length > 0
      ? `ip daddr { ${resolvers.join(', ')} } meta l4proto { tcp, udp } th dport 53 accept`
      : '';
  return `
add table inet ${slot.table}
delete table inet ${slot.table}
table inet ${slot.table} {
  chain inside {
    meta nfproto != ipv4 drop
    ip saddr != ${slot.address} drop
    ${names}
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp admin-prohibited
  }
  chain input {
    type filter hook input priority -10; policy accept;
    ${from} jump inside
    ${from} goto refuse
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    ${from} jump inside
    ${from} ip daddr { ${[...forbidden, ...neighbours].join(', ')} } goto refuse
    ${from} oifname "sqb*" drop
    ${from} accept
    oifname "${slot.interfaceName}" ct state established,related accept
    oifname "${slot.interfaceName}" drop
    ${opened.length > 0 ? `iifname { ${opened.map((name) => `"${name}"`).join(', ')} } oifname != "sqb*" drop` : ''}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${slot.address} oifname != "${slot.interfaceName}" masquerade
  }
}
`;
}

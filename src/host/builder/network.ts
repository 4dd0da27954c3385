import { readFile, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { closedByDefault, openForwarding, releaseSlotAndForwarding } from './forwarding.ts';
import { runCommand } from './run-command.ts';
import type { Slot } from './slots.ts';

/** Destinations that no RUN step may reach: private, shared, link-local, loopback, multicast and reserved addresses. */
const forbidden = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
];

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

/** Addresses of the resolvers that the sandbox uses: the host's, seen through systemd-resolved's loopback stub. */
export async function hostResolvers(): Promise<string[]> {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
    const usable = servers.filter((server) => isIPv4(server) && !server.startsWith('127.'));
    if (usable.length > 0) return usable.slice(0, 3);
  }
  return [];
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

/** Networks that the host is a member of: its neighbours are no more public than its own addresses. */
async function ownNetworks(): Promise<string[]> {
  const { stdout } = await runCommand('ip', ['-4', '-json', 'route', 'show', 'scope', 'link']);
  const routes = JSON.parse(stdout || '[]') as { dst?: string }[];
  return routes.flatMap(({ dst }) => (dst && dst !== 'default' ? [dst] : []));
}

async function defaultRoutes(): Promise<string[]> {
  const { stdout } = await runCommand('ip', ['-4', '-json', 'route', 'show', 'default']);
  const routes = JSON.parse(stdout || '[]') as { dev?: string }[];
  return [...new Set(routes.flatMap((route) => route.dev ?? []))];
}

async function command(name: string, args: string[], input = ''): Promise<void> {
  const result = await runCommand(name, args, { input });
  if (result.code !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${result.output.trim()}`);
}

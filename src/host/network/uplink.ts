import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { closedByDefault, openForwarding, releaseUplinkAndForwarding } from '../builder/forwarding.ts';
import { runCommand } from '../builder/run-command.ts';
import { claimUplink, heldUplinks, type Uplink } from '../builder/slots.ts';
import { neverReached } from './forbidden.ts';
import { command, defaultRoutes } from './host-network.ts';

/** Name of the interface inside the namespace that leads to the host. */
export const inside = 'uplink';

/** The network namespace of one data directory; QEMU is not in it, only the far ends of the MicroVMs' wires. */
export function namespaceOf(dataDir: string): { name: string; path: string } {
  const name = `squib-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  return { name, path: `/run/netns/${name}` };
}

/**
 * Makes the namespace and the wire between it and the host, unless they are there already. What comes out of it is
 * filtered twice: there by the policies of the MicroVMs, here as a whole.
 * @returns `fresh`: nothing of an earlier run of squib can be in it.
 */
export async function connectNamespace(dataDir: string): Promise<{ uplink: Uplink; fresh: boolean }> {
  const { name, path } = namespaceOf(dataDir);
  const uplink = await claimUplink(dataDir);
  const known = existsSync(path) && (await runCommand('ip', ['-n', name, 'link', 'show', inside])).code === 0;
  const linked = (await runCommand('ip', ['link', 'show', uplink.interfaceName])).code === 0;
  const fresh = !known || !linked;
  const outward = await defaultRoutes();
  await command('nft', ['-f', '-'], hostRules(uplink, await closedByDefault(outward)));
  if (fresh) await makeNamespace(name, uplink);
  await writeFile(`/proc/sys/net/ipv4/conf/${uplink.interfaceName}/forwarding`, '1');
  await openForwarding(outward); // answers come in there; only now that the rules stand
  return { uplink, fresh };
}

/** Removes what {@link connectNamespace} made for a data directory, also half of it. */
export async function removeNamespace(dataDir: string): Promise<void> {
  for (const { uplink, owner } of await heldUplinks()) {
    if (owner.scratch !== dataDir) continue;
    await runCommand('ip', ['netns', 'delete', namespaceOf(dataDir).name]);
    await runCommand('ip', ['link', 'delete', uplink.interfaceName]);
    await runCommand('nft', ['delete', 'table', 'inet', uplink.table]);
    await releaseUplinkAndForwarding(uplink);
  }
}

/** Removes the namespaces of data directories that are no more. */
export async function sweepNamespaces(): Promise<void> {
  for (const { owner } of await heldUplinks())
    if (!existsSync(owner.scratch)) await removeNamespace(owner.scratch);
}

async function makeNamespace(name: string, uplink: Uplink): Promise<void> {
  await runCommand('ip', ['netns', 'delete', name]);
  await runCommand('ip', ['link', 'delete', uplink.interfaceName]);
  await command('ip', ['netns', 'add', name]);
  // Before any interface is there: without IPv6, and only this namespace forwards.
  const settings = 'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv4/conf/all/arp_ignore';
  const without =
    'for f in ipv6/conf/all ipv6/conf/default; do test ! -d $f || echo 1 >$f/disable_ipv6; done';
  await command('nsenter', [`--net=/run/netns/${name}`, '/bin/sh', '-euc', `${settings}; ${without}`]);
  const peer = ['type', 'veth', 'peer', 'name', inside, 'netns', name];
  await command('ip', ['link', 'add', uplink.interfaceName, ...peer]);
  await writeFile(`/proc/sys/net/ipv6/conf/${uplink.interfaceName}/disable_ipv6`, '1').catch(() => {}); // no IPv6 here
  await command(
    'ip',
    ['-batch', '-'],
    `address add ${uplink.gateway}/30 dev ${uplink.interfaceName}\nlink set ${uplink.interfaceName} up\n`,
  );
  await command(
    'ip',
    ['-n', name, '-batch', '-'],
    `address add ${uplink.address}/30 dev ${inside}\nlink set ${inside} up\nroute add default via ${uplink.gateway}\n`,
  );
}

/** `opened`: interfaces that forward only because of squib, so that squib says what they may forward. */
function hostRules(uplink: Uplink, opened: string[]): string {
  const from = `iifname "${uplink.interfaceName}"`;
  const to = `oifname "${uplink.interfaceName}"`;
  const others = opened.map((name) => `"${name}"`).join(', ');
  return `
add table inet ${uplink.table}
delete table inet ${uplink.table}
table inet ${uplink.table} {
  chain refuse {
    meta l4proto tcp reject with tcp reset
    drop
  }
  chain input {
    type filter hook input priority -10; policy accept;
    ${from} goto refuse
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    ${from} meta nfproto != ipv4 drop
    ${from} ip saddr != ${uplink.address} drop
    ${from} ip daddr { ${neverReached.join(', ')} } goto refuse
    ${from} oifname "sqb*" goto refuse
    ${from} accept
    ${to} ct state established,related accept
    ${to} drop
    ${opened.length > 0 ? `iifname { ${others} } oifname != "sqb*" drop` : ''}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${uplink.address} oifname != "${uplink.interfaceName}" masquerade
  }
}
`;
}

import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { runCommand } from '../builder/run-command.ts';

/** The nameservers that this host asks. `outside`: without those on its own loopback, which nobody else can reach. */
export async function hostResolvers(which: 'all' | 'outside' = 'outside'): Promise<string[]> {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
    const usable = servers.filter((s) => isIPv4(s) && (which === 'all' || !s.startsWith('127.')));
    if (usable.length > 0) return usable.slice(0, 3);
  }
  return [];
}

/** Networks that the host is a member of: its neighbours are no more public than its own addresses. */
export async function ownNetworks(): Promise<string[]> {
  const { stdout } = await runCommand('ip', ['-4', '-json', 'route', 'show', 'scope', 'link']);
  const routes = JSON.parse(stdout || '[]') as { dst?: string }[];
  return routes.flatMap(({ dst }) => (dst && dst !== 'default' ? [dst] : []));
}

/** Interfaces that the host's default routes lead through. */
export async function defaultRoutes(): Promise<string[]> {
  const { stdout } = await runCommand('ip', ['-4', '-json', 'route', 'show', 'default']);
  const routes = JSON.parse(stdout || '[]') as { dev?: string }[];
  return [...new Set(routes.flatMap((route) => route.dev ?? []))];
}

/** Runs a program of the host. @throws Error with what it said when it fails */
export async function command(name: string, args: string[], input = ''): Promise<string> {
  const result = await runCommand(name, args, { input });
  if (result.code !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${result.output.trim()}`);
  return result.stdout;
}

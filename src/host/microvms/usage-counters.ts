import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UsageCounters } from '../../control/host.ts';
import type { Traffic } from '../network/microvm-networks.ts';

/** In a MicroVM's folder: what was counted until its last suspend. */
const fileName = 'usage.json';

export const noUsage: Readonly<UsageCounters> = {
  cpuSeconds: 0,
  endpointReceivedBytes: 0,
  endpointSentBytes: 0,
  egressReceivedBytes: 0,
  egressSentBytes: 0,
};

export function addCounters(a: UsageCounters, b: UsageCounters): UsageCounters {
  const names = Object.keys(noUsage) as (keyof UsageCounters)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as UsageCounters;
}

/** What crossed a network card; nothing where there is no way out. */
export function packets(traffic: Traffic | undefined): UsageCounters {
  if (traffic === undefined) return noUsage;
  return { ...noUsage, egressSentBytes: traffic.sentBytes, egressReceivedBytes: traffic.receivedBytes };
}

/** Nothing for a MicroVM that was never suspended, or where a crash cut the file short: counts are no state. */
export async function readCounters(dir: string): Promise<UsageCounters> {
  try {
    return { ...noUsage, ...JSON.parse(await readFile(join(dir, fileName), 'utf8')) };
  } catch {
    return noUsage;
  }
}

export async function writeCounters(dir: string, counters: UsageCounters): Promise<void> {
  await writeFile(join(dir, fileName), JSON.stringify(counters), { mode: 0o600 });
}

/** Bytes that a MicroVM's files take on this host's disk. Undefined when there are none. */
export async function diskUsage(dir: string): Promise<number | undefined> {
  const names = await readdir(dir, { recursive: true }).catch(() => undefined);
  if (names === undefined) return undefined;
  const files = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => undefined)));
  return files.reduce((sum, file) => sum + 512 * (file?.isFile() ? file.blocks : 0), 0);
}

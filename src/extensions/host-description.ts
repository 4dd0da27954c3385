import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus, hostname, loadavg, totalmem } from 'node:os';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';

/** The machine, what of it is left, and how this squib is set up. Holds no secret. */
export interface HostDescription {
  version: string;
  /** Engine and accelerator, with the reason for it. */
  engine: string;
  hostname: string;
  startedAt: Date;
  cpus: number;
  /** Processes that ran or wanted to, on average over the last minute. */
  load: number;
  memoryBytes: number;
  availableMemoryBytes: number;
  disks: { path: string; use: string; bytes: number; availableBytes: number }[];
  quotas: { name: string; used: number; limit: number }[];
  /** Every setting by its path, such as `quotas.memoryMiB`, as JSON where it is no text. */
  settings: Record<string, string>;
}

export interface HostDescriptionParts {
  config: Config;
  store: Pick<Store, 'microvms' | 'images' | 'connectors' | 'builds'>;
  engine: string;
  startedAt: Date;
}

export async function describeHost(
  { config, store, engine, startedAt }: HostDescriptionParts,
  { accountId, region }: { accountId: string; region: string },
): Promise<HostDescription> {
  const { quotas, dataDir, cacheDir } = config;
  return {
    ...{ version: version(), engine, hostname: hostname(), startedAt },
    ...{ cpus: cpus().length, load: loadavg()[0] ?? 0 },
    ...{ memoryBytes: totalmem(), availableMemoryBytes: availableMemory() },
    disks: await Promise.all([disk('data', dataDir), disk('cache', cacheDir)]),
    quotas: [
      { name: 'memoryMiB', used: store.microvms.memoryInUse(), limit: quotas.memoryMiB },
      { name: 'images', used: store.images.count(accountId, region), limit: quotas.images },
      {
        name: 'networkConnectors',
        used: store.connectors.count(accountId, region),
        limit: quotas.networkConnectors,
      },
      { name: 'concurrentBuilds', used: store.builds.countInFlight(), limit: quotas.concurrentBuilds },
    ],
    settings: flatten(config),
  };
}

/** This squib's own. */
export function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** What new processes can have without swapping, in bytes. */
function availableMemory(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
}

async function disk(use: string, path: string) {
  const { bsize, blocks, bavail } = await statfs(path);
  return { use, path, bytes: bsize * blocks, availableBytes: bsize * bavail };
}

function flatten(value: object, path = ''): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, entry] of Object.entries(value)) {
    const here = path === '' ? name : `${path}.${name}`;
    const nested = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
    if (nested && Object.keys(entry).length > 0) Object.assign(result, flatten(entry, here));
    else result[here] = typeof entry === 'string' ? entry : JSON.stringify(entry);
  }
  return result;
}

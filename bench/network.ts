// What the network of one MicroVM costs at its start and at its end: its wire, taken from the pool, and its rules.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrovmNetworks } from '../src/host/network/microvm-networks.ts';
import { removeNamespace } from '../src/host/network/uplink.ts';
import { createLog } from '../src/log/log.ts';
import { type BenchOptions, figure, median, type Result } from './result.ts';

const internet = { internet: true, rules: [], domains: [] };
const mostMs = 10;
/** Of the daemon's size with some MicroVMs; what a process costs to start depends on it. */
const memoryMiB = 150;

export async function bench({ quick }: BenchOptions): Promise<Result[]> {
  const dataDir = await mkdtemp('/tmp/squib-bench-');
  const ballast = Buffer.alloc(memoryMiB * 1024 ** 2, 1);
  const networks = await MicrovmNetworks.open({
    ...{ dataDir, stateFile: join(dataDir, 'networks.json'), log: createLog(() => {}) },
  });
  try {
    const starts: number[] = [];
    const ends: number[] = [];
    const ids = Array.from({ length: quick ? 20 : 100 }, (_, index) => `microvm-${index}`);
    for (const id of ids) {
      const start = performance.now();
      await networks.attach(id);
      await networks.admit(id, internet);
      starts.push(performance.now() - start);
    }
    for (const id of ids) {
      const start = performance.now();
      await networks.release(id);
      ends.push(performance.now() - start);
    }
    const value = median(starts);
    return [
      {
        ...{ name: `network of a MicroVM set up, ${ids.length} of them`, value, unit: 'ms' },
        ...{ floor: null, ratio: value / mostMs, budget: `≤ ${mostMs} ms`, met: value <= mostMs },
      },
      figure('network of a MicroVM taken away', 'ms', median(ends)),
    ];
  } finally {
    await networks.close();
    await removeNamespace(dataDir);
    await rm(dataDir, { recursive: true, force: true });
    ballast.fill(0);
  }
}

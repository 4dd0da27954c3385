import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findMapping, findPages, PAGE, type PageRun } from './dirty-pages.ts';
import { writeDurably } from './durable.ts';
import type { EngineContext } from './engine-context.ts';
import { MachineFailed } from './errors.ts';
import type { QemuMachine } from './machine.ts';
import { snapshotFiles } from './snapshot-manifest.ts';

/** Holes that are cheaper to read than to leave out, in pages. */
const BRIDGE = 8;
/** What was read so lately is still in the host's page cache, or the host has better use for its memory. */
const FRESH_MS = 5 * 60_000;
const READ_BYTES = 1024 * 1024;
const READERS = 3;

const touchedFile = (snapshotDir: string) => join(snapshotDir, 'touched.json');

/**
 * Writes beside the snapshot which of its pages a clone has touched, for {@link prefetch}. The machine may run.
 * @returns how many bytes that is
 */
export async function recordTouched(machine: QemuMachine): Promise<number> {
  const { snapshotDir } = machine.record;
  if (!snapshotDir) throw new MachineFailed('Only a machine restored from a snapshot touches one.');
  const mapping = await findMapping(machine.pid, snapshotFiles(snapshotDir).memory);
  const runs = joined(await findPages(machine.pid, mapping, 'touched'));
  await writeDurably(
    touchedFile(snapshotDir),
    JSON.stringify(runs.map(({ first, count }) => [first, count])),
    0o444,
  );
  return runs.reduce((sum, { count }) => sum + count * PAGE, 0);
}

function joined(runs: PageRun[]): PageRun[] {
  const result: PageRun[] = [];
  for (const run of runs) {
    const last = result.at(-1);
    if (last && run.first - (last.first + last.count) <= BRIDGE)
      last.count = run.first + run.count - last.first;
    else result.push({ ...run });
  }
  return result;
}

/** Snapshots that machines were started from, and when. */
export class Prefetcher {
  readonly #usedAt = new Map<string, number>();

  /**
   * Reads the pages that `/validate` has touched into the host's page cache, while QEMU starts: in few large reads
   * instead of one fault after the other. Does nothing for a snapshot that was used a moment ago, or has no such record.
   */
  begin({ log }: EngineContext, snapshotDir: string): void {
    const now = Date.now();
    const warm = now - (this.#usedAt.get(snapshotDir) ?? Number.NEGATIVE_INFINITY) < FRESH_MS;
    this.#usedAt.set(snapshotDir, now);
    if (warm) return;
    for (const [used, at] of this.#usedAt) if (now - at >= FRESH_MS) this.#usedAt.delete(used);
    // A start goes on without; it only takes longer.
    prefetch(snapshotDir).catch((error) => log.warn('snapshot.prefetch', { snapshotDir, error }));
  }
}

async function prefetch(snapshotDir: string): Promise<void> {
  const text = await readFile(touchedFile(snapshotDir), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  const runs = JSON.parse(text) as [first: number, count: number][];
  if (runs.length === 0) return;
  const memory = await open(snapshotFiles(snapshotDir).memory, 'r');
  try {
    await Promise.all(Array.from({ length: READERS }, () => readRuns(memory, runs)));
  } finally {
    await memory.close();
  }
}

/** Takes runs off the list until none is left. */
async function readRuns(memory: FileHandle, runs: [first: number, count: number][]): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let run = runs.shift(); run; run = runs.shift()) {
    const end = (run[0] + run[1]) * PAGE;
    for (let at = run[0] * PAGE; at < end; ) {
      const { bytesRead } = await memory.read(buffer, 0, Math.min(READ_BYTES, end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
    }
  }
}

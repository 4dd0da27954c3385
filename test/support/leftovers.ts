// What squibs of the tests may have left behind when all of a run is over.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { namespaceOf } from '../../src/host/network/uplink.ts';
import { processesOf } from './squib-processes.ts';

/** Killed processes need a moment to be gone. */
const patienceMs = 10_000;
const list = (folder: string) => join(folder, 'squibs');

/** Notes the data directory of a squib of this run; without test/run.ts nobody asks for it. */
export function noteSquib(dataDir: string): void {
  const { SQUIB_TESTS_SHARED: folder } = process.env;
  if (folder !== undefined) appendFileSync(list(folder), `${dataDir}\n`);
}

/** Processes that still work for a squib of the run whose folder this is, a line each. */
export async function leftProcesses(folder: string): Promise<string[]> {
  const dataDirs = existsSync(list(folder)) ? readFileSync(list(folder), 'utf8').trim().split('\n') : [];
  const marks = dataDirs.flatMap((dataDir) => [`${dataDir}/`, `/${namespaceOf(dataDir).name}/`]);
  for (const end = Date.now() + patienceMs; ; await sleep(200)) {
    const left = processesOf(...marks);
    if (left.length === 0 || Date.now() > end) return left.map(described);
  }
}

function described(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)}`;
  } catch {
    return `${pid}`; // it ended a moment ago, later than it may
  }
}

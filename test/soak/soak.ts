import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/config/config.ts';
import type { Quotas } from '../../src/control/quotas.ts';
import { assertConsistent, machinesOf, openFiles, residentKiB } from '../support/consistency.ts';
import { askResume, suspend, terminate } from '../support/lifecycle.ts';
import { attach, run, type TestMicrovm, until } from '../support/microvms.ts';
import type { TestSquib } from '../support/squib.ts';

/** Tests ask more often than a client would. */
export function withoutRates(): Quotas {
  const { quotas } = readConfig();
  return { ...quotas, rates: Object.fromEntries(Object.keys(quotas.rates).map((name) => [name, null])) };
}

/** The journal of each MicroVM's file system, which is used from end to end before it begins anew. */
const journalKiB = 16 * 1024;

/** What must stay flat, measured when all MicroVMs run. */
export interface Footprint {
  /** Resident memory of the daemon. */
  daemonKiB: number;
  /** JavaScript objects of the daemon, what is garbage included. */
  heapKiB: number;
  /** Resident memory of all QEMUs, shared pages counted once for all who share them. */
  machinesKiB: number;
  /** Open files of the daemon. */
  files: number;
  machines: number;
  /** Allocated on disk for all MicroVMs. */
  diskKiB: number;
}

export interface SoakResult {
  cycles: number;
  seconds: number;
  first: Footprint;
  last: Footprint;
}

async function heapKiB(squib: TestSquib): Promise<number> {
  const token = readFileSync(join(squib.layout.keys, 'metrics-token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${squib.config.api.port}/metrics`, { headers });
  return Math.round(Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(await answer.text())?.[1]) / 1024);
}

async function measure(squib: TestSquib): Promise<Footprint> {
  const machines = machinesOf(squib);
  const proportional = (pid: number) =>
    Number(
      /^Pss: +(\d+)/m.exec(execFileSync('cat', [`/proc/${pid}/smaps_rollup`], { encoding: 'utf8' }))?.[1],
    );
  return {
    daemonKiB: residentKiB(squib.pid),
    heapKiB: await heapKiB(squib),
    machinesKiB: machines.reduce((sum, pid) => sum + proportional(pid), 0),
    files: openFiles(squib.pid),
    machines: machines.length,
    diskKiB: Number(execFileSync('du', ['-sk', squib.layout.microvms], { encoding: 'utf8' }).split('\t')[0]),
  };
}

/**
 * Suspends and resumes MicroVMs in turns, with requests in between; counters in memory and files on disk are checked
 * in every cycle. Fails when one is wrong, or when what squib takes has grown since the middle, when
 * caches and the memory allocator have what they need.
 * @param cycles of all MicroVMs together
 */
export async function soak(
  squib: TestSquib,
  image: string,
  o: { microvms: number; cycles: number; say?: (line: string) => void },
): Promise<SoakResult> {
  const started = Date.now();
  let all = await Promise.all(Array.from({ length: o.microvms }, () => run(squib, image)));
  const rounds = Math.ceil(o.cycles / o.microvms);
  const settled = Math.max(1, Math.floor(rounds / 2));
  let first: Footprint | undefined;
  for (let round = 1; round <= rounds; round++) {
    // New tokens: those of the beginning expire before a long soak ends.
    all = await Promise.all(all.map(({ id, endpoint }) => attach(squib, id, endpoint)));
    await Promise.all(all.map((microvm, index) => cycle(squib, microvm, round, index % 2 === 0)));
    if (round === settled) first = await measure(squib);
    if (round % 10 === 0) o.say?.(`round ${round} of ${rounds}: ${JSON.stringify(await measure(squib))}`);
  }
  await assertConsistent(squib);
  const last = await measure(squib);
  const base = first ?? last;
  assert.equal(last.machines, o.microvms);
  assert.ok(last.files <= base.files + 5, `open files: ${base.files}, then ${last.files}`);
  const flat = (name: 'daemonKiB' | 'heapKiB' | 'machinesKiB' | 'diskKiB', slackKiB: number) =>
    assert.ok(last[name] <= base[name] * 1.25 + slackKiB, `${name}: ${base[name]}, then ${last[name]}`);
  flat('heapKiB', 60_000);
  flat('daemonKiB', 60_000); // a garbage collector decides when it gives back
  flat('machinesKiB', 4096 * o.microvms);
  flat('diskKiB', journalKiB * o.microvms);
  for (const { id } of all) await terminate(squib, id);
  await assertConsistent(squib);
  const seconds = (Date.now() - started) / 1000;
  return { cycles: rounds * o.microvms, seconds, first: base, last };
}

/** One suspend and resume, by a request or by ResumeMicrovm. Two counts, one before and one after. */
async function cycle(
  squib: TestSquib,
  microvm: TestMicrovm,
  round: number,
  byRequest: boolean,
): Promise<void> {
  assert.equal((await microvm.json('/')).count, 2 * round - 1, `${microvm.id}, round ${round}`);
  // A few names in turns: the disk must stay proportional to what is on it.
  await microvm.json(`/write?name=/app/note-${round % 3}&text=${microvm.id}-${round}`);
  await suspend(squib, microvm.id);
  if (!byRequest) {
    await askResume(squib, microvm.id);
    await until(squib, microvm.id, 'RUNNING');
  }
  assert.equal((await microvm.json('/')).count, 2 * round, `${microvm.id}, round ${round}, resumed`);
  const { text } = await microvm.json(`/read?name=/app/note-${round % 3}`);
  assert.equal(text, `${microvm.id}-${round}`);
}

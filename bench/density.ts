import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ResumeMicrovmCommand, SuspendMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { findDirtyPages, findMapping, PAGE } from '../src/engine/dirty-pages.ts';
import { bareRestore } from './floor.ts';
import { BenchLab, type BenchMicrovm, timed } from './lab.ts';
import { atMost, type BenchOptions, figure, median, type Result } from './result.ts';

const mib = 1024 ** 2;
/**
 * So long after the last change is the processor time of idle machines measured, and for so long: under software
 * emulation a guest that was just restored translates for some seconds what it does when it is idle.
 */
const settleMs = 12_000;
const idleMs = 10_000;
/** So many machines, one after the other, stand for one that is alone: what QEMU takes differs from start to start. */
const singles = 5;

/** What machines that do nothing cost, each. */
interface Cost {
  /** Memory beyond dirty pages, what is shared counted in parts, in bytes. */
  memory: number;
  /** Part of one processor. */
  cpu: number;
}

/** Medians in milliseconds. */
type Times = Record<'RunMicrovm to first 200' | 'SuspendMicrovm' | 'ResumeMicrovm' | 'request', number>;

/** Memory, idle processor time and the speed of everything with 1, 10, 50 and 100 MicroVMs running. */
export async function bench({ quick, note }: BenchOptions): Promise<Result[]> {
  const lab = await BenchLab.open();
  const rounds = quick ? 3 : 9;
  const counts = quick ? [1, 5] : [1, 10, 50, 100];
  const running: BenchMicrovm[] = [];
  try {
    const bare = await typical(quick, () => bareCost(lab));
    note(describe('bare restore', bare));
    const daemonBefore = ownMemory(lab.squib.pid);
    const single = await typical(quick, () => singleCost(lab));
    const results: Result[] = [];
    let alone: Times | undefined;
    for (const count of counts) {
      while (running.length < count) running.push(await lab.run());
      const pids = running.map(({ id }) => lab.pid(id));
      const cost = count === 1 ? single : await costOf(pids, lab);
      const daemon = Math.max(0, ownMemory(lab.squib.pid) - daemonBefore) / count;
      note(`${describe(`${count} running`, cost)}, ${(daemon / mib).toFixed(2)} MiB of the daemon each`);
      const name = (what: string) => `${what}, ${count} running`;
      results.push(
        atMost(name('memory beyond dirty pages'), 'MiB', cost.memory / mib, bare.memory / mib, 1.1),
        atMost(name('idle processor time'), '% of a core', 100 * cost.cpu, 100 * bare.cpu, 1.1),
      );
      const times = await measureTimes(lab, rounds);
      alone ??= times;
      for (const [what, value] of Object.entries(times) as [keyof Times, number][]) {
        if (count === 1) results.push(figure(name(what), 'ms', value));
        else results.push(atMost(name(what), 'ms', value, alone[what], 1.3));
      }
    }
    return results;
  } finally {
    await lab.close();
  }
}

const describe = (name: string, { memory, cpu }: Cost) =>
  `${name}: ${(memory / mib).toFixed(1)} MiB beyond dirty pages, ${(100 * cpu).toFixed(2)} % of a core, each`;

/** Of a machine started by hand, with nothing else on the host to share pages with. */
async function bareCost(lab: BenchLab): Promise<Cost> {
  const machine = await bareRestore(lab.squib.config.cacheDir, lab.snapshotDir);
  try {
    // To its end, as through the endpoint: what the application does after an answer is translated code as well.
    const connection = await machine.guest.dial(8080);
    connection.end('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    await connection.toArray();
    return await costOf([machine.pid], lab);
  } finally {
    await machine.end();
  }
}

/** Of a MicroVM that runs alone. */
async function singleCost(lab: BenchLab): Promise<Cost> {
  const microvm = await lab.run();
  try {
    return await costOf([lab.pid(microvm.id)], lab);
  } finally {
    await microvm.terminate();
  }
}

async function typical(quick: boolean, measure: () => Promise<Cost>): Promise<Cost> {
  const costs: Cost[] = [];
  while (costs.length < (quick ? 1 : singles)) costs.push(await measure());
  return { memory: median(costs.map(({ memory }) => memory)), cpu: median(costs.map(({ cpu }) => cpu)) };
}

async function costOf(pids: readonly number[], lab: BenchLab): Promise<Cost> {
  await sleep(settleMs);
  const before = pids.map(cpuSeconds);
  await sleep(idleMs);
  const used = pids.map((pid, index) => cpuSeconds(pid) - before[index]!);
  const memory = await Promise.all(pids.map((pid) => beyondDirty(pid, `${lab.snapshotDir}/memory`)));
  return { memory: mean(memory), cpu: mean(used) / (idleMs / 1000) };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function beyondDirty(pid: number, memoryFile: string): Promise<number> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const runs = await findDirtyPages(pid, await findMapping(pid, memoryFile));
  return (
    1024 * Number(/^Pss: +(\d+)/m.exec(rollup)?.[1]) - PAGE * runs.reduce((sum, { count }) => sum + count, 0)
  );
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function ownMemory(pid: number): number {
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** What one more MicroVM goes through while the others idle. */
async function measureTimes(lab: BenchLab, rounds: number): Promise<Times> {
  const all: Record<keyof Times, number[]> = {
    ...{ 'RunMicrovm to first 200': [], SuspendMicrovm: [] },
    ...{ ResumeMicrovm: [], request: [] },
  };
  for (let round = -1; round < rounds; round++) {
    const begin = performance.now();
    const microvm = await lab.run();
    const ran = performance.now() - begin;
    await microvm.request();
    const requests = [
      await timed(microvm.request),
      await timed(microvm.request),
      await timed(microvm.request),
    ];
    const target = { microvmIdentifier: microvm.id };
    const suspended = await timed(async () => {
      await lab.microvms.send(new SuspendMicrovmCommand(target));
      await lab.until(microvm.id, 'SUSPENDED');
    });
    const resumed = await timed(async () => {
      await lab.microvms.send(new ResumeMicrovmCommand(target));
      await lab.until(microvm.id, 'RUNNING');
    });
    await microvm.terminate();
    if (round < 0) continue; // caches are cold, connections not open yet
    all['RunMicrovm to first 200'].push(ran);
    all.SuspendMicrovm.push(suspended);
    all.ResumeMicrovm.push(resumed);
    all.request.push(...requests);
  }
  return Object.fromEntries(Object.entries(all).map(([name, values]) => [name, median(values)])) as Times;
}

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** `USER_HZ` of Linux on every architecture that squib runs on. */
const ticksPerSecond = 100;
const sampleMs = 500;
/** Share of one processor below which a machine counts as idle; QEMU's own timers take about 0.5 %. */
const idleShare = 0.1;
const idleSamples = 2;
/** Share of the time for which a machine that wants a processor waits for one, where others have them all. */
const starvedShare = 0.75;

/**
 * Resolves when a process has been idle for a second, or after `limitMs`: the sensible moment for a snapshot of an
 * image without a `/ready` hook (Decision L20). One that waits for a processor on a busy machine is not idle.
 */
export async function untilQuiet(pid: number, limitMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + limitMs;
  let before = await usage(pid);
  for (let quiet = 0; quiet < idleSamples && Date.now() < end; ) {
    await sleep(sampleMs, undefined, { signal });
    const now = await usage(pid);
    const share = (what: keyof typeof now) => (now[what] - before[what]) / (sampleMs / 1000);
    quiet = share('used') < idleShare && share('waited') < starvedShare ? quiet + 1 : 0;
    before = now;
  }
}

/** Processor time that a process had, and that its threads waited for, in seconds. */
async function usage(pid: number): Promise<{ used: number; waited: number }> {
  return { used: await processorSeconds(pid), waited: await waitedSeconds(pid) };
}

/** In /proc/PID/task/TID/schedstat: nanoseconds run, nanoseconds waited, turns. */
async function waitedSeconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const waited = threads.map(async (thread) => {
    // The thread may have ended, and a kernel may be built without these figures.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '');
    return Number(text.split(' ')[1] ?? 0);
  });
  return (await Promise.all(waited)).reduce((sum, each) => sum + each, 0) / 1e9;
}

async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks; user and system time are the 12th and 13th fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** `USER_HZ` of Linux on every architecture that squib runs on. */
const ticksPerSecond = 100;
const sampleMs = 500;
/** Share of one processor below which a machine counts as idle; QEMU's own timers take about 0.5 %. */
const idleShare = 0.1;
const idleSamples = 2;

/**
 * Resolves when a process has been idle for a second, or after `limitMs`: the sensible moment for a snapshot of an
 * image without a `/ready` hook (Decision L20).
 */
export async function untilQuiet(pid: number, limitMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + limitMs;
  let before = await processorSeconds(pid);
  for (let quiet = 0; quiet < idleSamples && Date.now() < end; ) {
    await sleep(sampleMs, undefined, { signal });
    const now = await processorSeconds(pid);
    quiet = (now - before) / (sampleMs / 1000) < idleShare ? quiet + 1 : 0;
    before = now;
  }
}

async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks; user and system time are the 12th and 13th fields after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

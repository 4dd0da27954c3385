import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A server under test has this core to itself, whoever asks has the other. */
export const serverCore = '1';
export const loadCore = '0';

/** Processor time of a process so far, all its threads and its share of the kernel; Linux counts it in hundredths. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Keeps a process and its threads on one core. */
export function pin(pid: number, core: string): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', core, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

import { readFileSync } from 'node:fs';

/** A process beyond doubt: process ids are used again, but never with the same start. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since the host booted. */
  startTime: string;
}

/** Changes with every boot of the host, so that start times of an earlier boot count for nothing. */
export function hostBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** False also for a process that has ended and only waits for its parent to take notice. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return false;
  }
  // Field 2 is the program's name in parentheses and may hold anything; field 3 follows the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[22 - 3] === startTime && fields[0] !== 'Z' && fields[0] !== 'X';
}

/** What the jailer wrote. @returns undefined when there is no such file or it was cut short. */
export function readPidFile(path: string): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const match = /^(\d+) (\d+)\n$/.exec(text);
  return match ? { pid: Number(match[1]), startTime: match[2]! } : undefined;
}

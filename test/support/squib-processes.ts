import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose command line, mounts or control groups mention one of `marks`: what a test must not leave behind. */
export function processesOf(...marks: string[]): number[] {
  const found: number[] = [];
  for (const pid of readdirNumbers('/proc')) {
    if (pid === process.pid) continue;
    try {
      const text = ['cmdline', 'mountinfo', 'cgroup']
        .map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
        .join('\n');
      if (marks.some((mark) => text.includes(mark))) found.push(pid);
    } catch {
      // it ended while we looked
    }
  }
  return found;
}

/** What was found a moment ago may have ended by itself. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readdirNumbers(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

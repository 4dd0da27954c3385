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

function readdirNumbers(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

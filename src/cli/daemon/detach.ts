import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SquibError } from '../../errors/squib-error.ts';
import { Progress } from '../progress.ts';

/** A log that is longer is put aside at the next start, in bytes. */
const logMax = 16 * 1024 * 1024;
const pollMs = 100;

/** Starts a daemon that outlives this process, and waits until it is up. @returns what it said. @throws SquibError */
export async function startDetached(
  dataDir: string,
  args: readonly string[],
): Promise<{ said: string; logFile: string }> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const logFile = join(dataDir, 'squib.log');
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logMax) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  const { size: begin } = statSync(logFile);
  const [, main = ''] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, main, 'up', ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  });
  closeSync(log);
  let ended: number | undefined;
  child.once('exit', (code) => {
    ended = code ?? 1;
  });
  const progress = new Progress(process.stderr);
  const written = () => readFileSync(logFile).subarray(begin).toString();
  try {
    for (;;) {
      const said = /^squib is up.*$/m.exec(written())?.[0];
      if (said !== undefined) {
        child.unref();
        return { said, logFile };
      }
      if (ended !== undefined) throw new SquibError(lastWords(written()), `Its log is ${logFile}.`);
      progress.status('squib is starting');
      await sleep(pollMs);
    }
  } finally {
    progress.end();
  }
}

/** What the daemon told a person before it ended; else its last line. */
function lastWords(log: string): string {
  const lines = log.trimEnd().split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('squib: '));
  const words = at < 0 ? lines.slice(-1) : lines.slice(at).map((line) => line.replace(/^squib: /, '').trim());
  return `squib did not start. ${words.join(' ')}`.trim();
}

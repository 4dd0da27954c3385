import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SquibError } from '../errors/squib-error.ts';

const take = 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE';
const pidFile = (dataDir: string) => join(dataDir, 'pid');

/**
 * Makes sure that no other daemon works on the same data directory. The lock is one of the kernel's (SQLite takes it
 * on an empty database), so it ends with this process however that ends.
 * @throws SquibError when another daemon holds it.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const lock = new DatabaseSync(join(dataDir, 'lock'));
  try {
    lock.exec(take);
  } catch (error) {
    lock.close();
    throw new SquibError(
      `Another squib is up on the data directory ${dataDir}.`,
      'Use that one, or stop it first; a second squib needs a dataDir of its own.',
      { cause: error },
    );
  }
  writeFileSync(pidFile(dataDir), `${process.pid}\n`);
  return {
    release() {
      rmSync(pidFile(dataDir), { force: true });
      lock.close();
    },
  };
}

/** A holder that comes or goes has the lock without its process id beside it, for a moment. */
const betweenMs = 1000;
const pollMs = 10;

/**
 * Process id of the daemon that holds the lock; undefined when nobody does.
 * @throws SquibError when this user may not look
 */
export function lockHolder(dataDir: string): number | undefined {
  for (const end = Date.now() + betweenMs; Date.now() < end; pause()) {
    if (!isHeld(join(dataDir, 'lock'))) return undefined;
    const pid = readPid(pidFile(dataDir));
    if (pid > 0) return pid;
  }
  throw new SquibError(
    `Somebody holds ${join(dataDir, 'lock')}, and does not say who.`,
    'Ask again; if that does not help, look for the process that has it open.',
  );
}

function readPid(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 0;
  }
}

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);

function isHeld(file: string): boolean {
  let lock: DatabaseSync | undefined;
  try {
    if (!existsSync(file)) return false;
    lock = new DatabaseSync(file);
    lock.exec(take);
    return false;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 5) return true;
    throw new SquibError(`${file} cannot be read.`, 'Use sudo.', { cause: error });
  } finally {
    lock?.close();
  }
}

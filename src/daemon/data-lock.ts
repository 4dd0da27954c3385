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

/**
 * Process id of the daemon that holds the lock; undefined when nobody does.
 * @throws SquibError when this user may not look
 */
export function lockHolder(dataDir: string): number | undefined {
  const file = join(dataDir, 'lock');
  let lock: DatabaseSync | undefined;
  try {
    if (!existsSync(file)) return undefined;
    lock = new DatabaseSync(file);
    lock.exec(take);
    return undefined;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 5) return Number(readFileSync(pidFile(dataDir), 'utf8'));
    throw new SquibError(`${file} cannot be read.`, 'Use sudo.', { cause: error });
  } finally {
    lock?.close();
  }
}

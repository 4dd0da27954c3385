import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SquibError } from '../errors/squib-error.ts';

/**
 * Makes sure that no other daemon works on the same data directory. The lock is one of the kernel's (SQLite takes it
 * on an empty database), so it ends with this process however that ends.
 * @throws SquibError when another daemon holds it.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const lock = new DatabaseSync(join(dataDir, 'lock'));
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new SquibError(
      `Another squib is up on the data directory ${dataDir}.`,
      'Use that one, or stop it first; a second squib needs a dataDir of its own.',
      { cause: error },
    );
  }
  return { release: () => lock.close() };
}

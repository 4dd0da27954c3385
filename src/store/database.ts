import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { SquibError } from '../errors/squib-error.ts';
import { keepRoom } from './room.ts';

const MIGRATIONS = fileURLToPath(new URL('./migrations/', import.meta.url));

/**
 * Opens the SQLite file and brings its tables up to date. A committed change survives a power cut:
 * the write-ahead log is synced at every commit.
 *
 * @throws SquibError when a newer squib has written the file.
 */
export function openDatabase(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: true, timeout: 5000 });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    migrate(db, file);
    keepRoom(db, file);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Runs every migration (`<number>-<name>.sql`) that is newer than the file's `user_version`. */
function migrate(db: DatabaseSync, file: string): void {
  const steps = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => ({ name, number: Number.parseInt(name, 10) }))
    .sort((a, b) => a.number - b.number);
  const { user_version: have } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  const newest = steps.at(-1)?.number ?? 0;
  if (have > newest) {
    throw new SquibError(
      `${file} was written by a newer squib (schema ${have}, this one knows ${newest}).`,
      'Start the newer squib again, or restore the copy of the data directory made before the upgrade.',
    );
  }
  for (const step of steps.filter(({ number }) => number > have)) {
    const sql = readFileSync(`${MIGRATIONS}${step.name}`, 'utf8');
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${step.number}; COMMIT`);
  }
}

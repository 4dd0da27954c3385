import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** Enough for thousands of changes of state between two checkpoints. */
const roomBytes = 4 * 1024 * 1024;
/** SQLITE_FULL */
const diskFull = 13;

/**
 * Takes room on the disk for changes to come, in the database file and in its write-ahead log: when somebody has filled
 * the disk, squib must still be able to write down that it ends whoever it was. Files are overwritten in place, so this
 * holds on file systems that do so (ext4, XFS), not on those that copy (Btrfs, ZFS).
 * Where there is no room any more, nothing happens.
 */
export function keepRoom(db: DatabaseSync, file: string): void {
  const count = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  const logBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (count('freelist_count') * count('page_size') >= roomBytes && logBytes >= roomBytes) return;
  try {
    // Two commits: pages that are taken and given back in one are never written.
    const take = `CREATE TABLE IF NOT EXISTS room (bytes BLOB); INSERT INTO room VALUES (zeroblob(${roomBytes}))`;
    db.exec(`BEGIN IMMEDIATE; ${take}; COMMIT`);
    db.exec('DROP TABLE room');
    db.exec('PRAGMA wal_checkpoint(RESTART)'); // the log is written again from its beginning
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== diskFull) throw error;
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

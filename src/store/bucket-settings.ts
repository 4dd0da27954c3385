import type { DatabaseSync } from 'node:sqlite';

/** What clients set on buckets, kept as they wrote it. */
export class BucketSettings {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(bucket: string, name: string): string | undefined {
    const row = this.#db
      .prepare('SELECT document FROM bucket_settings WHERE bucket = ? AND name = ?')
      .get(bucket, name);
    return row?.document as string | undefined;
  }

  /** The bucket must exist. */
  put(bucket: string, name: string, document: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO bucket_settings VALUES (?, ?, ?)').run(bucket, name, document);
  }

  remove(bucket: string, name: string): void {
    this.#db.prepare('DELETE FROM bucket_settings WHERE bucket = ? AND name = ?').run(bucket, name);
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Tags of images and connectors, by ARN. */
export class Tags {
  readonly #of: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #clear: StatementSync;

  constructor(db: DatabaseSync) {
    this.#of = db.prepare('SELECT key, value FROM tags WHERE arn = ? ORDER BY key');
    this.#put = db.prepare(
      'INSERT INTO tags (arn, key, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    this.#remove = db.prepare('DELETE FROM tags WHERE arn = ? AND key = ?');
    this.#clear = db.prepare('DELETE FROM tags WHERE arn = ?');
  }

  of(arn: string): Record<string, string> {
    const rows = this.#of.all(arn) as { key: string; value: string }[];
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }
  put(arn: string, tags: Record<string, string>): void {
    for (const [key, value] of Object.entries(tags)) this.#put.run(arn, key, value);
  }
  remove(arn: string, keys: readonly string[]): void {
    for (const key of keys) this.#remove.run(arn, key);
  }
  clear(arn: string): void {
    this.#clear.run(arn);
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Records of one kind by their key, each one JSON document that is written as a whole. */
export class Documents<T extends object> {
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #remove: StatementSync;

  /** @param table with the columns `key` and `record` */
  constructor(
    db: DatabaseSync,
    table: 'roles' | 'managedPolicies' | 'stacks' | 'changeSets' | 'activityPolicies',
  ) {
    this.#put = db.prepare(
      `INSERT INTO ${table} (key, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record`,
    );
    this.#get = db.prepare(`SELECT record FROM ${table} WHERE key = ?`);
    this.#all = db.prepare(`SELECT record FROM ${table} ORDER BY key`);
    this.#remove = db.prepare(`DELETE FROM ${table} WHERE key = ?`);
  }

  put(key: string, record: T): void {
    this.#put.run(key, JSON.stringify(record));
  }
  get(key: string): T | undefined {
    const row = this.#get.get(key) as { record: string } | undefined;
    return row && JSON.parse(row.record);
  }
  /** Ordered by key. */
  all(): T[] {
    return (this.#all.all() as { record: string }[]).map(({ record }) => JSON.parse(record));
  }
  remove(key: string): void {
    this.#remove.run(key);
  }
}

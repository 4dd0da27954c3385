import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SealedText } from './sealer.ts';

/** Records of one kind by their key, each one JSON document that is written as a whole. */
export class Documents<T extends object> {
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #all: StatementSync;
  readonly #remove: StatementSync;
  readonly #sealed: SealedText | undefined;

  /**
   * @param table with the columns `key` and `record`
   * @param sealed for records that may hold secrets
   */
  constructor(
    db: DatabaseSync,
    table: 'roles' | 'managedPolicies' | 'stacks' | 'changeSets' | 'parameters' | 'activityPolicies',
    sealed?: SealedText,
  ) {
    this.#sealed = sealed;
    this.#put = db.prepare(
      `INSERT INTO ${table} (key, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record`,
    );
    this.#get = db.prepare(`SELECT record FROM ${table} WHERE key = ?`);
    this.#all = db.prepare(`SELECT key, record FROM ${table} ORDER BY key`);
    this.#remove = db.prepare(`DELETE FROM ${table} WHERE key = ?`);
  }

  put(key: string, record: T): void {
    const text = JSON.stringify(record);
    this.#put.run(key, this.#sealed?.seal(text, key) ?? text);
  }
  get(key: string): T | undefined {
    const row = this.#get.get(key) as { record: string } | undefined;
    return row && this.#read(key, row.record);
  }
  /** Ordered by key. */
  all(): T[] {
    return (this.#all.all() as { key: string; record: string }[]).map((row) =>
      this.#read(row.key, row.record),
    );
  }
  remove(key: string): void {
    this.#remove.run(key);
  }
  #read(key: string, record: string): T {
    return JSON.parse(this.#sealed?.open(record, key) ?? record);
  }
}

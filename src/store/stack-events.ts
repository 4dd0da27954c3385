import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StackEvent } from './stack-records.ts';

/** What happened to stacks and their resources. */
export class StackEvents {
  readonly #insert: StatementSync;
  readonly #of: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare('INSERT INTO stackEvents (stackId, record) VALUES (?, ?)');
    this.#of = db.prepare(
      'SELECT seq, record FROM stackEvents WHERE stackId = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    );
  }

  add(event: StackEvent): void {
    this.#insert.run(event.stackId, JSON.stringify(event));
  }
  /** Newest first. @param before of the last one on the page before */
  of(stackId: string, before: number, limit: number): { seq: number; event: StackEvent }[] {
    const rows = this.#of.all(stackId, before, limit) as { seq: number; record: string }[];
    return rows.map(({ seq, record }) => ({ seq, event: JSON.parse(record) }));
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';

export type TransitionKind = 'image' | 'version' | 'build' | 'microvm' | 'connector';

/** One change of state: from where to where, why (a sentence for people), and when (epoch milliseconds). */
export interface TransitionRow {
  seq: number;
  kind: TransitionKind;
  /** Id of the image, build, MicroVM or connector; `<image id>/<number>` for a version. */
  subject: string;
  fromState: string | null;
  toState: string;
  reason: string;
  at: number;
}

/** The history of everything that has states. Rows are never changed or removed. */
export class Transitions {
  readonly #insert: StatementSync;
  readonly #of: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO transitions (kind, subject, fromState, toState, reason, at)
       VALUES (:kind, :subject, :fromState, :toState, :reason, :at)`,
    );
    this.#of = db.prepare('SELECT * FROM transitions WHERE kind = ? AND subject = ? ORDER BY seq');
  }

  add(transition: Omit<TransitionRow, 'seq'>): void {
    this.#insert.run({ ...transition });
  }
  /** Oldest first. */
  of(kind: TransitionKind, subject: string): TransitionRow[] {
    return this.#of.all(kind, subject) as unknown as TransitionRow[];
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, type Page, type PageRequest } from './page.ts';

export type TransitionKind = 'image' | 'version' | 'build' | 'microvm' | 'connector';

/** What changed, and whose it is. */
export interface TransitionOwner {
  account: string | null;
  region: string | null;
  /** ARN of the image or connector; for a version, a build or a MicroVM that of its image. */
  resource: string | null;
  /** Of the image version; null for images and connectors. */
  number: number | null;
}

/** One change of state: from where to where, why (a sentence for people), and when (epoch milliseconds). */
export interface TransitionRow extends TransitionOwner {
  seq: number;
  kind: TransitionKind;
  /** Id of the image, build, MicroVM or connector; `<image id>/<number>` for a version. */
  subject: string;
  fromState: string | null;
  toState: string;
  reason: string;
  at: number;
}

/** Which changes to read: all of an owner's, those of one ARN, or those of one id. */
export interface TransitionFilter {
  account: string;
  region: string;
  /** See {@link TransitionOwner.resource}. */
  resource?: string | undefined;
  /** Id of a MicroVM, a build or a connector. */
  subject?: string | undefined;
}

type Reader = (filter: TransitionFilter, from: number, limit: number) => TransitionRow[];

/** The history of everything that has states. Rows are never changed or removed; `seq` grows as they are written. */
export class Transitions {
  readonly #insert: StatementSync;
  readonly #of: StatementSync;
  readonly #newest: StatementSync;
  readonly #forward: Reader;
  readonly #backward: Reader;
  readonly #listeners = new Set<() => void>();

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO transitions (kind, subject, fromState, toState, reason, at, account, region, resource, number)
       VALUES (:kind, :subject, :fromState, :toState, :reason, :at, :account, :region, :resource, :number)`,
    );
    this.#of = db.prepare('SELECT * FROM transitions WHERE kind = ? AND subject = ? ORDER BY seq');
    this.#newest = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM transitions');
    this.#forward = reader(db, 'seq > :from ORDER BY seq');
    this.#backward = reader(db, 'seq < :from ORDER BY seq DESC');
  }

  add(transition: Omit<TransitionRow, 'seq'>): void {
    this.#insert.run({ ...transition });
    for (const listener of this.#listeners) listener();
  }
  /** Oldest first. */
  of(kind: TransitionKind, subject: string): TransitionRow[] {
    return this.#of.all(kind, subject) as unknown as TransitionRow[];
  }
  /** `seq` of the newest change, 0 before the first. */
  newest(): number {
    return (this.#newest.get() as { seq: number }).seq;
  }
  /** Oldest first, from the one that follows `seq`. */
  after(filter: TransitionFilter, seq: number, limit: number): TransitionRow[] {
    return this.#forward(filter, seq, limit);
  }
  /** Newest first. */
  page(
    filter: TransitionFilter,
    { limit, before = Number.MAX_SAFE_INTEGER }: PageRequest,
  ): Page<TransitionRow> {
    return cut(this.#backward(filter, before, limit + 1), limit);
  }
  /** Calls `listener` at every change, inside its transaction. @returns to stop that */
  onAdd(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** One statement for each form of the filter, so that each uses its index. */
function reader(db: DatabaseSync, order: string): Reader {
  const prepare = (condition: string) =>
    db.prepare(
      `SELECT * FROM transitions WHERE account = :account AND region = :region ${condition} AND ${order} LIMIT :limit`,
    );
  const all = prepare('');
  const byResource = prepare('AND resource = :resource');
  const bySubject = prepare(`AND kind IN ('microvm', 'build', 'connector') AND subject = :subject`);
  return ({ account, region, resource, subject }, from, limit) => {
    const common = { account, region, from, limit };
    if (subject !== undefined) return rows(bySubject.all({ ...common, subject }));
    return rows(resource === undefined ? all.all(common) : byResource.all({ ...common, resource }));
  };
}

const rows = (found: unknown) => found as TransitionRow[];

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { BuildState, StateCount } from './states.ts';

/** One build of an image version. Sizes in bytes, times in epoch milliseconds. */
export interface BuildRow {
  seq: number;
  id: string;
  imageId: string;
  number: number;
  microvmId: string;
  state: BuildState;
  stateReason: string | null;
  memorySnapshotSizeInBytes: number | null;
  codeInstallSizeInBytes: number | null;
  diskSnapshotSizeInBytes: number | null;
  createdAt: number;
}

export type NewBuild = Pick<BuildRow, 'id' | 'imageId' | 'number' | 'microvmId' | 'state' | 'createdAt'>;

export class Builds {
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #page: StatementSync;
  readonly #inFlight: StatementSync;
  readonly #count: StatementSync;
  readonly #byState: StatementSync;
  readonly #update: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO builds (id, imageId, number, microvmId, state, createdAt)
       VALUES (:id, :imageId, :number, :microvmId, :state, :createdAt)`,
    );
    this.#get = db.prepare('SELECT * FROM builds WHERE id = ?');
    this.#page = db.prepare(
      'SELECT * FROM builds WHERE imageId = ? AND number = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    );
    this.#inFlight = db.prepare(
      `SELECT * FROM builds WHERE state IN ('PENDING', 'IN_PROGRESS') ORDER BY seq`,
    );
    this.#count = db.prepare(`SELECT count(*) AS n FROM builds WHERE state IN ('PENDING', 'IN_PROGRESS')`);
    this.#byState = db.prepare(
      `SELECT state, count(*) AS n FROM builds WHERE state IN ('PENDING', 'IN_PROGRESS') GROUP BY state`,
    );
    this.#update = db.prepare(
      `UPDATE builds SET state = :state, stateReason = :stateReason, microvmId = :microvmId,
         memorySnapshotSizeInBytes = :memorySnapshotSizeInBytes,
         codeInstallSizeInBytes = :codeInstallSizeInBytes,
         diskSnapshotSizeInBytes = :diskSnapshotSizeInBytes
       WHERE id = :id`,
    );
  }

  insert(build: NewBuild): void {
    this.#insert.run({ ...build });
  }
  get(id: string): BuildRow | undefined {
    return this.#get.get(id) as BuildRow | undefined;
  }
  page(imageId: string, number: number, { limit, before }: PageRequest): Page<BuildRow> {
    return cut(
      this.#page.all(imageId, number, before ?? FROM_NEWEST, limit + 1) as unknown as BuildRow[],
      limit,
    );
  }
  /** Builds that wait or run, oldest first. */
  inFlight(): BuildRow[] {
    return this.#inFlight.all() as unknown as BuildRow[];
  }
  countInFlight(): number {
    return (this.#count.get() as { n: number }).n;
  }
  /** How many wait, how many run. */
  countByState(): StateCount<BuildState>[] {
    return this.#byState.all() as unknown as StateCount<BuildState>[];
  }
  update(build: Omit<BuildRow, 'seq' | 'imageId' | 'number' | 'createdAt'>): void {
    const { id, state, stateReason, microvmId } = build;
    const { memorySnapshotSizeInBytes, codeInstallSizeInBytes, diskSnapshotSizeInBytes } = build;
    this.#update.run({
      ...{ id, state, stateReason, microvmId },
      ...{ memorySnapshotSizeInBytes, codeInstallSizeInBytes, diskSnapshotSizeInBytes },
    });
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { SealedText } from './sealer.ts';
import type { VersionState, VersionStatus } from './states.ts';

/** An image version. Times in epoch milliseconds; `settings` is JSON with the API's member names. */
export interface VersionRow {
  imageId: string;
  number: number;
  state: VersionState;
  status: VersionStatus;
  stateReason: string | null;
  memoryMiB: number;
  settings: string;
  createdAt: number;
  updatedAt: number;
}

/** Name of a version's image beside its number and state, as the sweep of the host needs it. */
export interface StoredVersion {
  imageId: string;
  imageName: string;
  number: number;
  state: VersionState;
}

export class Versions {
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #active: StatementSync;
  readonly #page: StatementSync;
  readonly #numbers: StatementSync;
  readonly #count: StatementSync;
  readonly #inState: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;
  readonly #sealed: SealedText;

  constructor(db: DatabaseSync, sealed: SealedText) {
    this.#sealed = sealed;
    this.#insert = db.prepare(
      `INSERT INTO versions
         (imageId, number, state, status, stateReason, memoryMiB, settings, createdAt, updatedAt)
       VALUES
         (:imageId, :number, :state, :status, :stateReason, :memoryMiB, :settings, :createdAt, :updatedAt)`,
    );
    this.#get = db.prepare('SELECT * FROM versions WHERE imageId = ? AND number = ?');
    this.#active = db.prepare(
      `SELECT * FROM versions WHERE imageId = ? AND status = 'ACTIVE' ORDER BY number DESC LIMIT 1`,
    );
    this.#page = db.prepare(
      'SELECT * FROM versions WHERE imageId = ? AND number < ? ORDER BY number DESC LIMIT ?',
    );
    this.#numbers = db.prepare('SELECT number FROM versions WHERE imageId = ? ORDER BY number');
    this.#count = db.prepare('SELECT count(*) AS n FROM versions WHERE imageId = ?');
    this.#inState = db.prepare(
      `SELECT imageId, images.name AS imageName, number, versions.state
       FROM versions JOIN images ON images.id = imageId WHERE versions.state = ?`,
    );
    this.#update = db.prepare(
      `UPDATE versions SET state = :state, status = :status, stateReason = :stateReason, updatedAt = :updatedAt
       WHERE imageId = :imageId AND number = :number`,
    );
    this.#remove = db.prepare('DELETE FROM versions WHERE imageId = ? AND number = ?');
  }

  insert(version: VersionRow): void {
    this.#insert.run({ ...version, settings: this.#sealed.seal(version.settings, keyOf(version)) });
  }
  get(imageId: string, number: number): VersionRow | undefined {
    return this.#open(this.#get.get(imageId, number));
  }
  latestActive(imageId: string): VersionRow | undefined {
    return this.#open(this.#active.get(imageId));
  }
  page(imageId: string, { limit, before }: PageRequest): Page<VersionRow> {
    const rows = this.#page.all(imageId, before ?? FROM_NEWEST, limit + 1);
    return cut(
      rows.map((row) => this.#open(row)!),
      limit,
    );
  }
  numbers(imageId: string): number[] {
    return (this.#numbers.all(imageId) as { number: number }[]).map(({ number }) => number);
  }
  count(imageId: string): number {
    return (this.#count.get(imageId) as { n: number }).n;
  }
  inState(state: VersionState): StoredVersion[] {
    return this.#inState.all(state) as unknown as StoredVersion[];
  }
  update(version: Pick<VersionRow, 'imageId' | 'number' | 'state' | 'status' | 'stateReason' | 'updatedAt'>) {
    const { imageId, number, state, status, stateReason, updatedAt } = version;
    this.#update.run({ imageId, number, state, status, stateReason, updatedAt });
  }
  #open(found: unknown): VersionRow | undefined {
    const row = found as VersionRow | undefined;
    return row && { ...row, settings: this.#sealed.open(row.settings, keyOf(row)) };
  }
  /** Removes the version with its builds. */
  remove(imageId: string, number: number): void {
    this.#remove.run(imageId, number);
  }
}

const keyOf = ({ imageId, number }: Pick<VersionRow, 'imageId' | 'number'>) => `${imageId}/${number}`;

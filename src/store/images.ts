import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { ImageState, StateCount } from './states.ts';

/** A MicroVM image. Times in epoch milliseconds. */
export interface ImageRow {
  seq: number;
  id: string;
  arn: string;
  account: string;
  region: string;
  name: string;
  state: ImageState;
  lastNumber: number;
  createdAt: number;
  updatedAt: number;
  /** Number of the newest ACTIVE version. */
  latestActive: number | null;
  /** Number of the newest FAILED version. */
  latestFailed: number | null;
}

export type NewImage = Omit<ImageRow, 'seq' | 'latestActive' | 'latestFailed'>;

const SELECT = `SELECT images.*,
  (SELECT max(number) FROM versions WHERE imageId = images.id AND status = 'ACTIVE') AS latestActive,
  (SELECT max(number) FROM versions WHERE imageId = images.id AND state = 'FAILED') AS latestFailed
  FROM images`;

export class Images {
  readonly #insert: StatementSync;
  readonly #byArn: StatementSync;
  readonly #byId: StatementSync;
  readonly #byName: StatementSync;
  readonly #page: StatementSync;
  readonly #inState: StatementSync;
  readonly #count: StatementSync;
  readonly #byState: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO images (id, arn, account, region, name, state, lastNumber, createdAt, updatedAt)
       VALUES (:id, :arn, :account, :region, :name, :state, :lastNumber, :createdAt, :updatedAt)`,
    );
    this.#byArn = db.prepare(`${SELECT} WHERE arn = ?`);
    this.#byId = db.prepare(`${SELECT} WHERE id = ?`);
    this.#byName = db.prepare(`${SELECT} WHERE name = ?`);
    this.#page = db.prepare(
      `${SELECT} WHERE account = ? AND region = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
    this.#inState = db.prepare(`${SELECT} WHERE state = ?`);
    this.#count = db.prepare('SELECT count(*) AS n FROM images WHERE account = ? AND region = ?');
    this.#byState = db.prepare('SELECT state, count(*) AS n FROM images GROUP BY state');
    this.#update = db.prepare('UPDATE images SET state = ?, lastNumber = ?, updatedAt = ? WHERE id = ?');
    this.#remove = db.prepare('DELETE FROM images WHERE id = ?');
  }

  insert(image: NewImage): void {
    this.#insert.run({ ...image });
  }
  byArn(arn: string): ImageRow | undefined {
    return this.#byArn.get(arn) as ImageRow | undefined;
  }
  byId(id: string): ImageRow | undefined {
    return this.#byId.get(id) as ImageRow | undefined;
  }
  byName(name: string): ImageRow | undefined {
    return this.#byName.get(name) as ImageRow | undefined;
  }
  page(account: string, region: string, { limit, before }: PageRequest): Page<ImageRow> {
    return cut(
      this.#page.all(account, region, before ?? FROM_NEWEST, limit + 1) as unknown as ImageRow[],
      limit,
    );
  }
  inState(state: ImageState): ImageRow[] {
    return this.#inState.all(state) as unknown as ImageRow[];
  }
  count(account: string, region: string): number {
    return (this.#count.get(account, region) as { n: number }).n;
  }
  /** How many there are in each state that any is in. */
  countByState(): StateCount<ImageState>[] {
    return this.#byState.all() as unknown as StateCount<ImageState>[];
  }
  update(id: string, change: Pick<ImageRow, 'state' | 'lastNumber' | 'updatedAt'>): void {
    this.#update.run(change.state, change.lastNumber, change.updatedAt, id);
  }
  /** Removes the image with its versions and builds. */
  remove(id: string): void {
    this.#remove.run(id);
  }
}

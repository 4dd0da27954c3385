import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { SealedText } from './sealer.ts';
import type { MicrovmState, StateCount } from './states.ts';

/** A MicroVM. Durations in seconds, times in epoch milliseconds, `ingress`, `egress` and `settings` are JSON. */
export interface MicrovmRow {
  seq: number;
  id: string;
  endpointId: string;
  account: string;
  region: string;
  imageId: string;
  imageArn: string;
  imageName: string;
  number: number;
  memoryMiB: number;
  state: MicrovmState;
  stateSince: number;
  stateReason: string | null;
  executionRoleArn: string | null;
  maxIdleSeconds: number | null;
  suspendedSeconds: number | null;
  autoResume: number | null;
  maximumDurationSeconds: number;
  ingress: string;
  egress: string;
  settings: string;
  runHookPayload: string | null;
  startedAt: number;
  terminatedAt: number | null;
  /** Checkpoint that it was forked from. */
  forkPoint: string | null;
}

/** What lists show of a MicroVM. */
export type MicrovmSummary = Pick<MicrovmRow, 'seq' | 'id' | 'state' | 'imageArn' | 'number' | 'startedAt'>;

export type NewMicrovm = Omit<MicrovmRow, 'seq' | 'forkPoint'> & Partial<Pick<MicrovmRow, 'forkPoint'>>;

const COLUMNS = [
  ...['id', 'endpointId', 'account', 'region', 'imageId', 'imageArn', 'imageName', 'number', 'memoryMiB'],
  ...['state', 'stateSince', 'stateReason', 'executionRoleArn', 'maxIdleSeconds', 'suspendedSeconds'],
  ...['autoResume', 'maximumDurationSeconds', 'ingress', 'egress', 'settings', 'runHookPayload'],
  ...['startedAt', 'terminatedAt', 'forkPoint'],
];

/** Rows that are kept in memory, about a kilobyte each. */
const KEPT_ROWS = 4096;

export class Microvms {
  readonly #db: DatabaseSync;
  /** Committed rows that were asked for, oldest first: a MicroVM is read far more often than it changes. */
  readonly #rows = new Map<string, Readonly<MicrovmRow>>();
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #byEndpoint: StatementSync;
  readonly #page: StatementSync;
  readonly #alive: StatementSync;
  readonly #ended: StatementSync;
  readonly #countOfImage: StatementSync;
  readonly #countOfVersion: StatementSync;
  readonly #forkPoints: StatementSync;
  readonly #memory: StatementSync;
  readonly #byState: StatementSync;
  readonly #update: StatementSync;
  readonly #sealed: SealedText;

  constructor(db: DatabaseSync, sealed: SealedText) {
    this.#db = db;
    this.#sealed = sealed;
    this.#insert = db.prepare(
      `INSERT INTO microvms (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')})`,
    );
    this.#get = db.prepare('SELECT * FROM microvms WHERE id = ?');
    this.#byEndpoint = db.prepare('SELECT * FROM microvms WHERE endpointId = ?');
    this.#page = db.prepare(
      `SELECT seq, id, state, imageArn, number, startedAt FROM microvms
       WHERE account = ? AND region = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    );
    this.#alive = db.prepare(`SELECT * FROM microvms WHERE state <> 'TERMINATED' ORDER BY seq`);
    this.#ended = db.prepare(
      `SELECT * FROM microvms WHERE account = ? AND region = ? AND state = 'TERMINATED' ORDER BY seq DESC LIMIT ?`,
    );
    this.#countOfImage = db.prepare(
      `SELECT count(*) AS n FROM microvms WHERE state <> 'TERMINATED' AND imageId = ?`,
    );
    this.#countOfVersion = db.prepare(
      `SELECT count(*) AS n FROM microvms WHERE state <> 'TERMINATED' AND imageId = ? AND number = ?`,
    );
    this.#forkPoints = db.prepare(
      `SELECT DISTINCT forkPoint FROM microvms WHERE forkPoint IS NOT NULL AND state <> 'TERMINATED'`,
    );
    this.#memory = db.prepare(
      `SELECT coalesce(sum(memoryMiB), 0) AS n FROM microvms
       WHERE state <> 'TERMINATED' AND state <> 'TERMINATING'`,
    );
    this.#byState = db.prepare(
      `SELECT state, count(*) AS n FROM microvms WHERE state <> 'TERMINATED' GROUP BY state`,
    );
    this.#update = db.prepare(
      `UPDATE microvms SET state = :state, stateSince = :stateSince, stateReason = :stateReason,
         runHookPayload = :runHookPayload, terminatedAt = :terminatedAt WHERE id = :id`,
    );
  }

  insert(microvm: NewMicrovm): void {
    const payload = this.#seal(microvm.runHookPayload, microvm.id);
    this.#insert.run({ forkPoint: null, ...microvm, runHookPayload: payload });
  }
  get(id: string): Readonly<MicrovmRow> | undefined {
    const known = this.#rows.get(id);
    if (known !== undefined) return known;
    const row = this.#open(this.#get.get(id));
    // What is read inside a transaction may still be rolled back.
    if (row !== undefined && !this.#db.isTransaction) this.#keep(row);
    return row;
  }
  /** ARN of the image that a MicroVM runs. */
  imageArn(id: string): string | undefined {
    return this.get(id)?.imageArn;
  }
  byEndpoint(endpointId: string): MicrovmRow | undefined {
    return this.#open(this.#byEndpoint.get(endpointId));
  }
  page(account: string, region: string, { limit, before }: PageRequest): Page<MicrovmSummary> {
    const rows = this.#page.all(account, region, before ?? FROM_NEWEST, limit + 1);
    return cut(rows as unknown as MicrovmSummary[], limit);
  }
  /** Everything that has not ended, oldest first. */
  alive(): MicrovmRow[] {
    return this.#alive.all().map((row) => this.#open(row)!);
  }
  /** The last that were run of those that have ended, newest first. */
  ended(account: string, region: string, limit: number): MicrovmRow[] {
    return this.#ended.all(account, region, limit) as unknown as MicrovmRow[];
  }
  countAliveOfImage(imageId: string): number {
    return (this.#countOfImage.get(imageId) as { n: number }).n;
  }
  countAliveOfVersion(imageId: string, number: number): number {
    return (this.#countOfVersion.get(imageId, number) as { n: number }).n;
  }
  /** Checkpoints that a MicroVM which has not ended was made of. */
  forkPoints(): Set<string> {
    return new Set(this.#forkPoints.all().map(({ forkPoint }) => String(forkPoint)));
  }
  /** Baseline memory in MiB of all MicroVMs that have not begun to end. */
  memoryInUse(): number {
    return (this.#memory.get() as { n: number }).n;
  }
  /** How many that have not ended are in each state. */
  countByState(): StateCount<MicrovmState>[] {
    return this.#byState.all() as unknown as StateCount<MicrovmState>[];
  }
  update(
    microvm: Pick<
      MicrovmRow,
      'id' | 'state' | 'stateSince' | 'stateReason' | 'runHookPayload' | 'terminatedAt'
    >,
  ): void {
    const { id, state, stateSince, stateReason, runHookPayload, terminatedAt } = microvm;
    this.#rows.delete(id);
    const payload = this.#seal(runHookPayload, id);
    this.#update.run({ id, state, stateSince, stateReason, runHookPayload: payload, terminatedAt });
  }

  #seal(payload: string | null, id: string): string | null {
    return payload === null ? null : this.#sealed.seal(payload, id);
  }
  /** Only a MicroVM that does not run yet has a payload, so this costs the others nothing. */
  #open(found: unknown): MicrovmRow | undefined {
    const row = found as MicrovmRow | undefined;
    if (!row || row.runHookPayload === null) return row;
    return { ...row, runHookPayload: this.#sealed.open(row.runHookPayload, row.id) };
  }

  #keep(row: MicrovmRow): void {
    if (this.#rows.size >= KEPT_ROWS) this.#rows.delete(this.#rows.keys().next().value!);
    this.#rows.set(row.id, Object.freeze(row));
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { MicrovmState } from './states.ts';

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

export type NewMicrovm = Omit<MicrovmRow, 'seq' | 'forkPoint'> & Partial<Pick<MicrovmRow, 'forkPoint'>>;

const COLUMNS = [
  ...['id', 'endpointId', 'account', 'region', 'imageId', 'imageArn', 'imageName', 'number', 'memoryMiB'],
  ...['state', 'stateSince', 'stateReason', 'executionRoleArn', 'maxIdleSeconds', 'suspendedSeconds'],
  ...['autoResume', 'maximumDurationSeconds', 'ingress', 'egress', 'settings', 'runHookPayload'],
  ...['startedAt', 'terminatedAt', 'forkPoint'],
];

export class Microvms {
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #imageArn: StatementSync;
  readonly #byEndpoint: StatementSync;
  readonly #page: StatementSync;
  readonly #alive: StatementSync;
  readonly #countOfImage: StatementSync;
  readonly #countOfVersion: StatementSync;
  readonly #forkPoints: StatementSync;
  readonly #memory: StatementSync;
  readonly #update: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO microvms (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')})`,
    );
    this.#get = db.prepare('SELECT * FROM microvms WHERE id = ?');
    this.#imageArn = db.prepare('SELECT imageArn FROM microvms WHERE id = ?');
    this.#byEndpoint = db.prepare('SELECT * FROM microvms WHERE endpointId = ?');
    this.#page = db.prepare(
      'SELECT * FROM microvms WHERE account = ? AND region = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    );
    this.#alive = db.prepare(`SELECT * FROM microvms WHERE state <> 'TERMINATED' ORDER BY seq`);
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
    this.#update = db.prepare(
      `UPDATE microvms SET state = :state, stateSince = :stateSince, stateReason = :stateReason,
         runHookPayload = :runHookPayload, terminatedAt = :terminatedAt WHERE id = :id`,
    );
  }

  insert(microvm: NewMicrovm): void {
    this.#insert.run({ forkPoint: null, ...microvm });
  }
  get(id: string): MicrovmRow | undefined {
    return this.#get.get(id) as MicrovmRow | undefined;
  }
  /** ARN of the image that a MicroVM runs: asked for at every call, so only that is read. */
  imageArn(id: string): string | undefined {
    return (this.#imageArn.get(id) as Pick<MicrovmRow, 'imageArn'> | undefined)?.imageArn;
  }
  byEndpoint(endpointId: string): MicrovmRow | undefined {
    return this.#byEndpoint.get(endpointId) as MicrovmRow | undefined;
  }
  page(account: string, region: string, { limit, before }: PageRequest): Page<MicrovmRow> {
    return cut(
      this.#page.all(account, region, before ?? FROM_NEWEST, limit + 1) as unknown as MicrovmRow[],
      limit,
    );
  }
  /** Everything that has not ended, oldest first. */
  alive(): MicrovmRow[] {
    return this.#alive.all() as unknown as MicrovmRow[];
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
  update(
    microvm: Pick<
      MicrovmRow,
      'id' | 'state' | 'stateSince' | 'stateReason' | 'runHookPayload' | 'terminatedAt'
    >,
  ): void {
    const { id, state, stateSince, stateReason, runHookPayload, terminatedAt } = microvm;
    this.#update.run({ id, state, stateSince, stateReason, runHookPayload, terminatedAt });
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { cut, FROM_NEWEST, type Page, type PageRequest } from './page.ts';
import type { ConnectorState } from './states.ts';

/** A network connector that a user made. `configuration` is JSON with the API's member names. */
export interface ConnectorRow {
  seq: number;
  id: string;
  arn: string;
  account: string;
  region: string;
  name: string;
  version: number;
  configuration: string;
  operatorRole: string;
  state: ConnectorState;
  stateReason: string | null;
  lastUpdateStatus: 'Successful' | 'Failed' | 'InProgress' | null;
  lastUpdateStatusReason: string | null;
  lastModified: number;
}

export type NewConnector = Omit<ConnectorRow, 'seq'>;

const COLUMNS = [
  ...['id', 'arn', 'account', 'region', 'name', 'version', 'configuration', 'operatorRole', 'state'],
  ...['stateReason', 'lastUpdateStatus', 'lastUpdateStatusReason', 'lastModified'],
];

export class Connectors {
  readonly #insert: StatementSync;
  readonly #byArn: StatementSync;
  readonly #byId: StatementSync;
  readonly #byName: StatementSync;
  readonly #page: StatementSync;
  readonly #inState: StatementSync;
  readonly #count: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO connectors (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')})`,
    );
    this.#byArn = db.prepare('SELECT * FROM connectors WHERE arn = ?');
    this.#byId = db.prepare('SELECT * FROM connectors WHERE id = ?');
    this.#byName = db.prepare('SELECT * FROM connectors WHERE account = ? AND region = ? AND name = ?');
    this.#page = db.prepare(
      'SELECT * FROM connectors WHERE account = ? AND region = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    );
    this.#inState = db.prepare('SELECT * FROM connectors WHERE state = ?');
    this.#count = db.prepare('SELECT count(*) AS n FROM connectors WHERE account = ? AND region = ?');
    this.#update = db.prepare(
      `UPDATE connectors SET version = :version, configuration = :configuration, operatorRole = :operatorRole,
         state = :state, stateReason = :stateReason, lastUpdateStatus = :lastUpdateStatus,
         lastUpdateStatusReason = :lastUpdateStatusReason, lastModified = :lastModified WHERE id = :id`,
    );
    this.#remove = db.prepare('DELETE FROM connectors WHERE id = ?');
  }

  insert(connector: NewConnector): void {
    this.#insert.run({ ...connector });
  }
  byArn(arn: string): ConnectorRow | undefined {
    return this.#byArn.get(arn) as ConnectorRow | undefined;
  }
  byId(id: string): ConnectorRow | undefined {
    return this.#byId.get(id) as ConnectorRow | undefined;
  }
  byName(account: string, region: string, name: string): ConnectorRow | undefined {
    return this.#byName.get(account, region, name) as ConnectorRow | undefined;
  }
  page(account: string, region: string, { limit, before }: PageRequest): Page<ConnectorRow> {
    return cut(
      this.#page.all(account, region, before ?? FROM_NEWEST, limit + 1) as unknown as ConnectorRow[],
      limit,
    );
  }
  inState(state: ConnectorState): ConnectorRow[] {
    return this.#inState.all(state) as unknown as ConnectorRow[];
  }
  count(account: string, region: string): number {
    return (this.#count.get(account, region) as { n: number }).n;
  }
  update(connector: ConnectorRow): void {
    const { id, version, configuration, operatorRole, state, stateReason } = connector;
    const { lastUpdateStatus, lastUpdateStatusReason, lastModified } = connector;
    this.#update.run({
      ...{ id, version, configuration, operatorRole, state, stateReason },
      ...{ lastUpdateStatus, lastUpdateStatusReason, lastModified },
    });
  }
  remove(id: string): void {
    this.#remove.run(id);
  }
}

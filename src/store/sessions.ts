import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** A temporary credential. `record` is JSON; `expiresAt` epoch milliseconds. */
export interface SessionRow {
  accessKeyId: string;
  sealedKeys: Uint8Array;
  record: string;
  expiresAt: number;
}

/** Temporary credentials by their access key id. */
export class Sessions {
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #sweep: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      'INSERT INTO sessions (accessKeyId, sealedKeys, record, expiresAt) VALUES (:accessKeyId, :sealedKeys, :record, :expiresAt)',
    );
    this.#get = db.prepare('SELECT * FROM sessions WHERE accessKeyId = ?');
    this.#sweep = db.prepare('DELETE FROM sessions WHERE expiresAt < ?');
  }

  insert(session: SessionRow): void {
    this.#insert.run({ ...session });
  }
  get(accessKeyId: string): SessionRow | undefined {
    return this.#get.get(accessKeyId) as SessionRow | undefined;
  }
  /** Removes what expired before `time`. */
  sweep(time: number): void {
    this.#sweep.run(time);
  }
}

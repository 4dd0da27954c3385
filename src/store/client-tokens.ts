import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Where a client token counts: the same token elsewhere is another one. */
export interface TokenScope {
  account: string;
  region: string;
  operation: string;
  token: string;
}

/** What was asked with a client token (SHA-256, hexadecimal) and the serialized answer to it. */
export interface TokenRecord {
  request: string;
  answer: Uint8Array;
}

/** Client tokens of answered requests; kept without end. */
export class ClientTokens {
  readonly #get: StatementSync;
  readonly #insert: StatementSync;

  constructor(db: DatabaseSync) {
    this.#get = db.prepare(
      `SELECT request, answer FROM clientTokens
       WHERE account = :account AND region = :region AND operation = :operation AND token = :token`,
    );
    this.#insert = db.prepare(
      `INSERT INTO clientTokens (account, region, operation, token, request, answer, createdAt)
       VALUES (:account, :region, :operation, :token, :request, :answer, :createdAt)`,
    );
  }

  get(scope: TokenScope): TokenRecord | undefined {
    return this.#get.get({ ...scope }) as TokenRecord | undefined;
  }
  insert(scope: TokenScope, record: TokenRecord, createdAt: number): void {
    this.#insert.run({ ...scope, ...record, createdAt });
  }
}

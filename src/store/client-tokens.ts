import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SealedText } from './sealer.ts';

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
  readonly #sealed: SealedText;

  constructor(db: DatabaseSync, sealed: SealedText) {
    this.#sealed = sealed;
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
    const row = this.#get.get({ ...scope }) as TokenRecord | undefined;
    if (!row) return undefined;
    const text = this.#sealed.open(Buffer.from(row.answer).toString('latin1'), keyOf(scope));
    return { ...row, answer: Buffer.from(text, 'latin1') };
  }
  insert(scope: TokenScope, record: TokenRecord, createdAt: number): void {
    const text = Buffer.from(record.answer).toString('latin1');
    const answer = Buffer.from(this.#sealed.seal(text, keyOf(scope)), 'latin1');
    this.#insert.run({ ...scope, request: record.request, answer, createdAt });
  }
}

const keyOf = ({ account, region, operation, token }: TokenScope) =>
  [account, region, operation, token].join('\n');

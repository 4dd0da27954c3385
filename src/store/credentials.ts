import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** A credential with its user. Times in epoch milliseconds; `enabled` is 0 or 1. */
export interface CredentialRow {
  seq: number;
  accessKeyId: string;
  userId: string;
  userName: string;
  sealedSecret: Uint8Array;
  policyDocument: string;
  enabled: number;
  createdAt: number;
  expiresAt: number | null;
}

export type NewCredential = Omit<CredentialRow, 'seq'>;

export class Credentials {
  readonly #insert: StatementSync;
  readonly #all: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO credentials
         (accessKeyId, userId, userName, sealedSecret, policyDocument, enabled, createdAt, expiresAt)
       VALUES
         (:accessKeyId, :userId, :userName, :sealedSecret, :policyDocument, :enabled, :createdAt, :expiresAt)`,
    );
    this.#all = db.prepare('SELECT * FROM credentials ORDER BY seq');
    this.#update = db.prepare(
      `UPDATE credentials SET policyDocument = :policyDocument, enabled = :enabled, expiresAt = :expiresAt
       WHERE userName = :userName`,
    );
    this.#remove = db.prepare('DELETE FROM credentials WHERE userName = ?');
  }

  insert(credential: NewCredential): void {
    this.#insert.run({ ...credential });
  }
  /** Oldest first. There are few of them, and whoever looks them up by key keeps them in memory. */
  all(): CredentialRow[] {
    return this.#all.all() as unknown as CredentialRow[];
  }
  update(change: Pick<CredentialRow, 'userName' | 'policyDocument' | 'enabled' | 'expiresAt'>): void {
    const { userName, policyDocument, enabled, expiresAt } = change;
    this.#update.run({ userName, policyDocument, enabled, expiresAt });
  }
  remove(userName: string): void {
    this.#remove.run(userName);
  }
}

import type { Credentials, NewCredential } from '../store/credentials.ts';
import type { Sealer } from '../store/sealer.ts';
import { credentialNotFound, malformedPolicy, userNameTaken } from './credential-errors.ts';
import { newAccessKeyId, newSecretAccessKey, newUserId } from './key-material.ts';
import type { CredentialView, KnownCredential } from './known-credential.ts';
import { type Policy, parsePolicy } from './policy/policy.ts';
import { PolicyError } from './policy/policy-error.ts';

export interface CredentialBookOptions {
  rows: Credentials;
  sealer: Sealer;
  /** The account's root credential, which is kept in a file of its own. */
  root: { accessKeyId: string; secretAccessKey: string };
  /** 12 digits. */
  accountId: string;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  partition: string;
  /** Epoch milliseconds. */
  now: () => number;
}

export interface NewUser {
  userName: string;
  /** IAM policy document (JSON). */
  policyDocument: string;
  /** Epoch milliseconds; left out: never. */
  expiresAt?: number | undefined;
}

/** What may change; members left out stay as they are. */
export interface CredentialChange {
  policyDocument?: string | undefined;
  enabled?: boolean | undefined;
  /** Null removes the expiry. */
  expiresAt?: number | null | undefined;
}

/**
 * All credentials of this squib: the root's and those made with `squib credentials`. It is the only writer of its
 * table, so everything is answered from memory; a secret is opened at its first use.
 */
export class CredentialBook {
  readonly #options: CredentialBookOptions;
  /** By user name. */
  readonly #rows = new Map<string, NewCredential>();
  /** User name by access key id. */
  readonly #byKey = new Map<string, string>();
  readonly #known = new Map<string, KnownCredential>();
  readonly #root: KnownCredential;

  constructor(options: CredentialBookOptions) {
    const { root, accountId, partition, rows } = options;
    this.#options = options;
    const arn = `arn:${partition}:iam::${accountId}:root`;
    this.#root = { ...root, accountId, arn, userId: accountId, root: true, policies: [] };
    for (const row of rows.all()) this.#rows.set(row.userName, row);
    for (const row of this.#rows.values()) this.#byKey.set(row.accessKeyId, row.userName);
  }

  /**
   * The credential with that key, with its principal and policies. Undefined when there is none or it is disabled;
   * whether it has expired is for the caller to see from `expiresAt`.
   *
   * @throws SquibError when its secret cannot be opened
   */
  find(accessKeyId: string): KnownCredential | undefined {
    if (accessKeyId === this.#root.accessKeyId) return this.#root;
    const known = this.#known.get(accessKeyId);
    if (known) return known;
    const row = this.#rows.get(this.#byKey.get(accessKeyId) ?? '');
    if (row === undefined || row.enabled === 0) return undefined;
    const credential = this.#open(row);
    this.#known.set(accessKeyId, credential);
    return credential;
  }

  /** Oldest first. */
  list(): CredentialView[] {
    return [...this.#rows.values()].map((row) => this.#view(row));
  }

  /** @throws ServiceError `NotFound` */
  get(userName: string): CredentialView {
    return this.#view(this.#row(userName));
  }

  /**
   * The secret is part of this answer and of no other.
   * @throws ServiceError `Conflict` for a name in use, `Validation` for a policy that squib cannot enforce
   */
  create({ userName, policyDocument, expiresAt }: NewUser): CredentialView & { secretAccessKey: string } {
    if (this.#rows.has(userName)) throw userNameTaken(userName);
    checkPolicy(policyDocument);
    const { rows, sealer, now } = this.#options;
    const accessKeyId = newAccessKeyId();
    const secretAccessKey = newSecretAccessKey();
    const row: NewCredential = {
      ...{ accessKeyId, userId: newUserId(), userName, policyDocument, enabled: 1, createdAt: now() },
      sealedSecret: sealer.seal(secretAccessKey, accessKeyId),
      expiresAt: expiresAt ?? null,
    };
    rows.insert(row);
    this.#rows.set(userName, row);
    this.#byKey.set(accessKeyId, userName);
    return { ...this.#view(row), secretAccessKey };
  }

  /** Holds from the next request on. @throws ServiceError `NotFound`, `Validation` */
  update(userName: string, change: CredentialChange): CredentialView {
    const row = this.#row(userName);
    const { policyDocument = row.policyDocument, enabled = row.enabled === 1, expiresAt } = change;
    if (change.policyDocument !== undefined) checkPolicy(policyDocument);
    const changed: NewCredential = {
      ...row,
      policyDocument,
      enabled: Number(enabled),
      expiresAt: expiresAt === undefined ? row.expiresAt : expiresAt,
    };
    this.#options.rows.update(changed);
    this.#rows.set(userName, changed);
    this.#known.delete(row.accessKeyId);
    return this.#view(changed);
  }

  /** The key stops working with the next request. @throws ServiceError `NotFound` */
  delete(userName: string): void {
    const row = this.#row(userName);
    this.#options.rows.remove(userName);
    this.#rows.delete(userName);
    this.#byKey.delete(row.accessKeyId);
    this.#known.delete(row.accessKeyId);
  }

  /** ARN of a user of this account, existing or not. */
  userArn(userName: string): string {
    return `arn:${this.#options.partition}:iam::${this.#options.accountId}:user/${userName}`;
  }

  #row(userName: string): NewCredential {
    const row = this.#rows.get(userName);
    if (row === undefined) throw credentialNotFound(userName);
    return row;
  }

  #open(row: NewCredential): KnownCredential {
    const { accessKeyId, userName, userId, expiresAt } = row;
    return {
      ...{ accessKeyId, userName, userId, root: false },
      secretAccessKey: this.#options.sealer.open(row.sealedSecret, accessKeyId),
      accountId: this.#options.accountId,
      arn: this.userArn(userName),
      policies: [parsePolicy(row.policyDocument)],
      ...(expiresAt !== null && { expiresAt }),
    };
  }

  #view(row: NewCredential): CredentialView {
    const { accessKeyId, userName, policyDocument, enabled, createdAt, expiresAt } = row;
    return {
      ...{ accessKeyId, userName, policyDocument, createdAt },
      arn: this.userArn(userName),
      enabled: enabled === 1,
      expiresAt: expiresAt ?? undefined,
    };
  }
}

function checkPolicy(policyDocument: string): Policy {
  try {
    return parsePolicy(policyDocument);
  } catch (error) {
    if (error instanceof PolicyError) throw malformedPolicy(error);
    throw error;
  }
}

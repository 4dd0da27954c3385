import type { Sealer } from '../../store/sealer.ts';
import type { Sessions } from '../../store/sessions.ts';
import { newSecretAccessKey, newSessionKeyId, newSessionToken } from '../key-material.ts';
import type { KnownCredential } from '../known-credential.ts';
import { parsePolicy } from '../policy/policy.ts';
import type { RoleBook } from './role-book.ts';

/** Whose session it is: a role's, or that of a permanent credential (GetSessionToken). */
type Owner =
  | { kind: 'role'; roleName: string; roleId: string; sessionName: string; policies: string[] }
  | { kind: 'credential'; accessKeyId: string };

/** Temporary keys, as they are handed out once. `expiresAt` in epoch milliseconds. */
export interface SessionKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiresAt: number;
}

export interface SessionBookOptions {
  rows: Sessions;
  sealer: Sealer;
  roles: RoleBook;
  findPermanent: (accessKeyId: string) => KnownCredential | undefined;
  accountId: string;
  partition: string;
  /** Epoch milliseconds. */
  now: () => number;
}

const secretsKept = 1000;
/** How long an expired session is still answered with `ExpiredToken`. */
const keepExpiredMs = 24 * 60 * 60 * 1000;

/** Temporary credentials. They survive a restart; the rights behind them are looked up anew at every request. */
export class SessionBook {
  readonly #options: SessionBookOptions;
  /** Opened secrets; oldest first. */
  readonly #opened = new Map<string, { keys: SessionKeys; owner: Owner }>();

  constructor(options: SessionBookOptions) {
    this.#options = options;
  }

  /** @param policies session policies (JSON, checked), which limit the role's. */
  forRole(
    role: { name: string; id: string },
    sessionName: string,
    seconds: number,
    policies: string[] = [],
  ): SessionKeys {
    return this.#issue(
      { kind: 'role', roleName: role.name, roleId: role.id, sessionName, policies },
      seconds,
    );
  }

  forCredential(accessKeyId: string, seconds: number): SessionKeys {
    return this.#issue({ kind: 'credential', accessKeyId }, seconds);
  }

  /** Undefined when there is no such session, or whom it belongs to is gone. */
  find(accessKeyId: string): KnownCredential | undefined {
    const session = this.#opened.get(accessKeyId) ?? this.#open(accessKeyId);
    if (!session) return undefined;
    const { keys, owner } = session;
    if (owner.kind === 'credential') {
      const permanent = this.#options.findPermanent(owner.accessKeyId);
      return permanent && { ...permanent, ...keys };
    }
    const { roles, accountId, partition } = this.#options;
    const role = roles.role(owner.roleName);
    // A new role of the same name is another role.
    if (role?.id !== owner.roleId) return undefined;
    const rights = roles.rights(role);
    const limits = owner.policies.length > 0 ? [owner.policies.map(parsePolicy)] : [];
    return {
      ...keys,
      accountId,
      arn: `arn:${partition}:sts::${accountId}:assumed-role/${role.name}/${owner.sessionName}`,
      userId: `${role.id}:${owner.sessionName}`,
      root: false,
      policies: rights.policies,
      limits: [...rights.limits, ...limits],
    };
  }

  #issue(owner: Owner, seconds: number): SessionKeys {
    const { rows, sealer, now } = this.#options;
    rows.sweep(now() - keepExpiredMs);
    const accessKeyId = newSessionKeyId();
    const secretAccessKey = newSecretAccessKey();
    const sessionToken = newSessionToken();
    const expiresAt = now() + seconds * 1000;
    const sealedKeys = sealer.seal(JSON.stringify({ secretAccessKey, sessionToken }), accessKeyId);
    rows.insert({ accessKeyId, sealedKeys, record: JSON.stringify(owner), expiresAt });
    return { accessKeyId, secretAccessKey, sessionToken, expiresAt };
  }

  #open(accessKeyId: string) {
    const row = this.#options.rows.get(accessKeyId);
    if (!row) return undefined;
    const secrets = JSON.parse(this.#options.sealer.open(row.sealedKeys, accessKeyId));
    const keys: SessionKeys = { accessKeyId, ...secrets, expiresAt: row.expiresAt };
    const session = { keys, owner: JSON.parse(row.record) as Owner };
    this.#opened.set(accessKeyId, session);
    if (this.#opened.size > secretsKept) this.#opened.delete(this.#opened.keys().next().value ?? '');
    return session;
  }
}

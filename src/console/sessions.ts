import { hash, randomBytes } from 'node:crypto';
import type { Credential, FindCredential } from '../aws/sigv4/credential.ts';
import { constantTimeEqual } from '../aws/sigv4/verify.ts';

/** Whose session it is: the key that asked for the link, in the Region that it was asked for. */
export interface SignedIn {
  credential: Credential;
  region: string;
}

/** What a browser gets when it opens a link. The first goes into a cookie, the second to the page. */
export interface OpenedSession extends SignedIn {
  cookie: string;
  csrfToken: string;
  /** Epoch milliseconds: when it ends whatever happens. */
  expiresAt: number;
}

interface Bearer {
  accessKeyId: string;
  region: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

interface Session extends Bearer {
  csrfHash: string;
  usedAt: number;
}

/** How long a link may wait for its one use. */
export const LINK_MS = 5 * 60_000;
/** A session ends after this, and before when nothing used it for {@link IDLE_MS}. */
export const SESSION_MS = 12 * 3_600_000;
export const IDLE_MS = 60 * 60_000;

const digest = (secret: string) => hash('sha256', secret);
const secret = () => randomBytes(32).toString('base64url');

/**
 * One-time links and sessions of the web console. They are kept in memory as hashes only: nothing of them is on disk,
 * and a restart ends them all. Rights are those of the key behind the session at the moment of each call; when the key
 * is deleted, disabled or expires, the session is over.
 */
export class ConsoleSessions {
  readonly #findCredential: FindCredential;
  readonly #now: () => number;
  readonly #links = new Map<string, Bearer>();
  readonly #sessions = new Map<string, Session>();

  /** @param now epoch milliseconds */
  constructor(findCredential: FindCredential, now: () => number) {
    this.#findCredential = findCredential;
    this.#now = now;
  }

  /** @returns what the link carries; good for one use until `expiresAt` (epoch milliseconds) */
  createLink(accessKeyId: string, region: string): { token: string; expiresAt: number } {
    this.#sweep();
    const token = secret();
    const expiresAt = this.#now() + LINK_MS;
    this.#links.set(digest(token), { accessKeyId, region, expiresAt });
    return { token, expiresAt };
  }

  /** Uses up a link. Undefined for one that was used, has expired or never was. */
  async open(linkToken: string): Promise<OpenedSession | undefined> {
    this.#sweep();
    const key = digest(linkToken);
    const link = this.#links.get(key);
    this.#links.delete(key);
    const credential = link && (await this.#credential(link));
    if (!link || !credential) return undefined;
    const now = this.#now();
    const [cookie, csrfToken] = [secret(), secret()];
    const expiresAt = Math.min(now + SESSION_MS, credential.expiresAt ?? Infinity);
    const { accessKeyId, region } = link;
    const csrfHash = digest(csrfToken);
    this.#sessions.set(digest(cookie), { accessKeyId, region, expiresAt, csrfHash, usedAt: now });
    return { cookie, csrfToken, expiresAt, credential, region };
  }

  /** Who is signed in. Undefined unless both secrets belong to one session that is still good. */
  async find(cookie: string, csrfToken: string): Promise<(SignedIn & { expiresAt: number }) | undefined> {
    const session = this.#sessions.get(digest(cookie));
    const now = this.#now();
    if (!session || !constantTimeEqual(session.csrfHash, digest(csrfToken))) return undefined;
    if (session.expiresAt <= now || session.usedAt + IDLE_MS <= now) return undefined;
    const credential = await this.#credential(session);
    if (!credential) return undefined;
    session.usedAt = now;
    return { credential, region: session.region, expiresAt: session.expiresAt };
  }

  close(cookie: string): void {
    this.#sessions.delete(digest(cookie));
  }

  async #credential({ accessKeyId, expiresAt }: Bearer): Promise<Credential | undefined> {
    const now = this.#now();
    if (expiresAt <= now) return undefined;
    const credential = await this.#findCredential(accessKeyId);
    return credential?.expiresAt !== undefined && credential.expiresAt <= now ? undefined : credential;
  }

  #sweep(): void {
    const now = this.#now();
    for (const [key, { expiresAt }] of this.#links) if (expiresAt <= now) this.#links.delete(key);
    for (const [key, { expiresAt, usedAt }] of this.#sessions) {
      if (expiresAt <= now || usedAt + IDLE_MS <= now) this.#sessions.delete(key);
    }
  }
}

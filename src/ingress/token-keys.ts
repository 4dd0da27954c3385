import { createSecretKey, generateKeySync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';

/** A key issues tokens for this long. */
const issuesMs = 24 * 3600 * 1000;
/** Tokens live 60 minutes at most; the rest is for clocks that are set back. */
const outlivesMs = 2 * 3600 * 1000;

/** One content encryption key (A256GCM). `kid` stands in the protected header of the tokens made with it. */
export interface TokenKey {
  kid: string;
  /** 32 bytes; as bytes they would be looked over and prepared again for every token. */
  secret: KeyObject;
  /** The first part of each token made with it. */
  header: string;
  /** Epoch milliseconds. */
  createdAt: number;
}

interface StoredKeys {
  keys: { kid: string; secret: string; createdAt: number }[];
}

function tokenKey(kid: string, secret: KeyObject, createdAt: number): TokenKey {
  const header = Buffer.from(JSON.stringify({ kid, alg: 'dir', enc: 'A256GCM' })).toString('base64url');
  return { kid, secret, header, createdAt };
}

/** Keys of auth tokens, kept in one file (0600), a new one every day, the old ones until their tokens are dead. */
export class TokenKeys {
  readonly #file: string;
  readonly #now: () => number;
  #keys: TokenKey[] = [];
  #rotating: Promise<void> | undefined;

  private constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** @param now for tests: epoch milliseconds. */
  static async open(file: string, now: () => number = Date.now): Promise<TokenKeys> {
    const keys = new TokenKeys(file, now);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    try {
      const stored = JSON.parse(await readFile(file, 'utf8')) as StoredKeys;
      keys.#keys = stored.keys.map(({ kid, secret, createdAt }) =>
        tokenKey(kid, createSecretKey(secret, 'base64'), createdAt),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw new SquibError(
          `The token keys in ${file} cannot be read.`,
          'Remove the file: squib makes new keys, and auth tokens made before are no longer accepted.',
          { cause: error },
        );
      }
    }
    await keys.current();
    return keys;
  }

  /** The key for new tokens; it is on disk before this resolves. */
  async current(): Promise<TokenKey> {
    const newest = this.#keys[0];
    if (newest && this.#now() - newest.createdAt < issuesMs) return newest;
    this.#rotating ??= this.#rotate().finally(() => {
      this.#rotating = undefined;
    });
    await this.#rotating;
    return this.#keys[0]!;
  }

  find(kid: string): TokenKey | undefined {
    return this.#keys.find((key) => key.kid === kid);
  }

  async #rotate(): Promise<void> {
    const now = this.#now();
    const kept = this.#keys.filter((key) => now - key.createdAt < issuesMs + outlivesMs);
    const keys = [tokenKey(randomUUID(), generateKeySync('aes', { length: 256 }), now), ...kept];
    const stored: StoredKeys = {
      keys: keys.map(({ kid, secret, createdAt }) => ({
        kid,
        secret: secret.export().toString('base64'),
        createdAt,
      })),
    };
    const scratch = `${this.#file}.new`;
    const file = await open(scratch, 'w', 0o600);
    await file.writeFile(JSON.stringify(stored));
    await file.sync();
    await file.close();
    await rename(scratch, this.#file);
    this.#keys = keys;
  }
}

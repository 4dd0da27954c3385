import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { writeFileDurably } from './durable-file.ts';

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const MODE = 'aes-256-gcm';

/**
 * Keeps secrets unreadable at rest: whoever has the database (or its backup) without the key file has nothing.
 * Sealed form: one byte of format, 12 of nonce, 16 of tag, the text under AES-256-GCM.
 */
export class Sealer {
  readonly #key: Buffer;

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** @param owner what the secret belongs to: sealed text moved to another owner does not open */
  seal(secret: string, owner: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(MODE, this.#key, nonce).setAAD(Buffer.from(owner));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), text]);
  }

  /** @throws SquibError when the text was sealed with another key or for another owner, or was changed */
  open(sealed: Uint8Array, owner: string): string {
    try {
      if (sealed[0] !== FORMAT || sealed.length < HEAD_BYTES) throw new Error('unknown format');
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv(MODE, this.#key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(owner))
        .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new SquibError(
        `The stored secret of ${owner} cannot be opened with keys/seal.key.`,
        'Restore seal.key from the same backup as the database, or delete the credential and create a new one.',
        { cause: error },
      );
    }
  }
}

/** How sealed text begins in a column of text. */
const MARK = 'sealed:';

/** Sealed text for columns that hold text. What was written there before it was sealed is read as it is. */
export class SealedText {
  readonly #sealer: Sealer;
  readonly #kind: string;

  /** @param kind with the key of a row it says whose text it is */
  constructor(sealer: Sealer, kind: string) {
    this.#sealer = sealer;
    this.#kind = kind;
  }

  seal(text: string, key: string): string {
    return MARK + this.#sealer.seal(text, `${this.#kind} ${key}`).toString('base64');
  }

  /** @throws SquibError as {@link Sealer.open} does */
  open(stored: string, key: string): string {
    if (!stored.startsWith(MARK)) return stored;
    return this.#sealer.open(Buffer.from(stored.slice(MARK.length), 'base64'), `${this.#kind} ${key}`);
  }
}

/**
 * The sealer of this data directory; its key file is made at first start.
 * @throws SquibError when the key file is damaged: a new key would make every sealed secret useless
 */
export function openSealer(keysDir: string): Sealer {
  const file = join(keysDir, 'seal.key');
  let text: string | undefined;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (text === undefined) {
    text = randomBytes(32).toString('base64');
    mkdirSync(keysDir, { recursive: true, mode: 0o700 });
    writeFileDurably(file, `${text}\n`, 0o600);
  }
  const key = Buffer.from(text, 'base64');
  if (key.length !== 32) throw new SquibError(`${file} is damaged.`, 'Restore it from a backup.');
  return new Sealer(key);
}

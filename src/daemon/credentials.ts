import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { writeFileDurably } from '../store/durable-file.ts';

/** A pair of keys that signs requests. */
export interface Credential {
  accessKeyId: string;
  secretAccessKey: string;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The account's root credentials, made at first start: there is no default password. */
export function ensureRootCredential(keysDir: string): Credential {
  const file = join(keysDir, 'credentials.json');
  const known = read(file);
  if (known) return known;
  const id = Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join('');
  const credential = {
    accessKeyId: `AKIA${id}`,
    secretAccessKey: randomBytes(30).toString('base64'),
  };
  writeFileDurably(file, `${JSON.stringify(credential)}\n`, 0o600);
  return credential;
}

/** @throws SquibError when squib was never started with this data directory, or the caller may not read it. */
export function readRootCredential(keysDir: string): Credential {
  const credential = read(join(keysDir, 'credentials.json'));
  if (!credential) {
    throw new SquibError(`There are no credentials in ${keysDir} yet.`, "Start squib first: 'squib up'.");
  }
  return credential;
}

function read(file: string): Credential | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Credential;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') {
      throw new SquibError(`${file} may only be read by root.`, 'Run the command with sudo.', {
        cause: error,
      });
    }
    throw new SquibError(
      `${file} is damaged.`,
      'Restore it from a backup, or remove it to get new credentials.',
      {
        cause: error,
      },
    );
  }
}

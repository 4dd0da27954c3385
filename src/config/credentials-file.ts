import { readFileSync, statSync } from 'node:fs';
import { SquibError } from '../errors/squib-error.ts';

/** Keys as AWS gives them out; `sessionToken` is empty for keys that last. */
export interface FileCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/**
 * Reads keys out of a file. It is read anew each time, so that whoever renews it need not restart squib.
 * @param owner whose keys they are, for the error
 * @throws SquibError when the file is of no use, or not of its owner alone
 */
export function readCredentialsFile(file: string, owner: string): FileCredentials {
  try {
    if ((statSync(file).mode & 0o077) !== 0) throw new Error('others than its owner may read it');
    const { accessKeyId, secretAccessKey, sessionToken = '' } = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
      throw new Error('accessKeyId and secretAccessKey are missing');
    return { accessKeyId, secretAccessKey, sessionToken: String(sessionToken) };
  } catch (cause) {
    throw new SquibError(
      `The credentials of ${owner} cannot be taken from ${file}: ${(cause as Error).message}.`,
      'It must be JSON with accessKeyId, secretAccessKey and maybe sessionToken, of mode 0600.',
      { cause },
    );
  }
}

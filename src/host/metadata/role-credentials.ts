import { readFileSync, statSync } from 'node:fs';
import { SquibError } from '../../errors/squib-error.ts';

/** Keys of a role, as AWS gives them out. */
export interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/**
 * Where the credentials of roles come from: the file that the configuration names for a role's ARN, read anew each
 * time, so that whoever refreshes it need not restart squib.
 */
export class RoleCredentialFiles {
  readonly #files: Readonly<Record<string, { credentialsFile: string }>>;

  constructor(roles: Readonly<Record<string, { credentialsFile: string }>>) {
    this.#files = roles;
  }

  /** Undefined for a role that nothing is configured for. @throws SquibError when its file is of no use */
  find(roleArn: string): RoleCredentials | undefined {
    const file = this.#files[roleArn]?.credentialsFile;
    if (file === undefined) return undefined;
    try {
      if ((statSync(file).mode & 0o077) !== 0) throw new Error('others than its owner may read it');
      const { accessKeyId, secretAccessKey, sessionToken = '' } = JSON.parse(readFileSync(file, 'utf8'));
      if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
        throw new Error('accessKeyId and secretAccessKey are missing');
      return { accessKeyId, secretAccessKey, sessionToken: String(sessionToken) };
    } catch (cause) {
      throw new SquibError(
        `The credentials of ${roleArn} cannot be taken from ${file}: ${(cause as Error).message}.`,
        'It must be JSON with accessKeyId, secretAccessKey and maybe sessionToken, of mode 0600.',
        { cause },
      );
    }
  }
}

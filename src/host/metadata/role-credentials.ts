import { type FileCredentials, readCredentialsFile } from '../../config/credentials-file.ts';

/** Keys of a role, as AWS gives them out. */
export type RoleCredentials = FileCredentials;

/** Where the credentials of roles come from: the file that the configuration names for a role's ARN. */
export class RoleCredentialFiles {
  readonly #files: Readonly<Record<string, { credentialsFile: string }>>;

  constructor(roles: Readonly<Record<string, { credentialsFile: string }>>) {
    this.#files = roles;
  }

  /** Undefined for a role that nothing is configured for. @throws SquibError when its file is of no use */
  find(roleArn: string): RoleCredentials | undefined {
    const file = this.#files[roleArn]?.credentialsFile;
    return file === undefined ? undefined : readCredentialsFile(file, roleArn);
  }
}

import { type FileCredentials, readCredentialsFile } from '../../config/credentials-file.ts';
import type { AssumeRoleSetting, RoleKeysSetting } from '../../config/role-keys.ts';

/** Keys of a role, as AWS gives them out. */
export type RoleCredentials = FileCredentials;

/** Whose keys are asked for. */
export interface RoleSession {
  roleArn: string;
  /** What the session is called in audit records. */
  sessionName: string;
}

export interface RoleKeysParts {
  roles: Readonly<Record<string, RoleKeysSetting>>;
  assume(setting: AssumeRoleSetting, session: RoleSession): Promise<RoleCredentials>;
  /** Keys for squib's own API; undefined for a role that squib does not have. */
  own(session: RoleSession): RoleCredentials | undefined;
}

/** Where keys of execution roles come from: what the configuration says of a role's ARN, else squib itself. */
export class RoleKeys {
  readonly #parts: RoleKeysParts;

  constructor(parts: RoleKeysParts) {
    this.#parts = parts;
  }

  /** Undefined for a role that nothing is configured for and squib does not have. @throws SquibError */
  async find(session: RoleSession): Promise<RoleCredentials | undefined> {
    const { roles, assume, own } = this.#parts;
    const setting = roles[session.roleArn];
    if (setting?.credentialsFile !== undefined)
      return readCredentialsFile(setting.credentialsFile, session.roleArn);
    if (setting?.assumeRole) return assume(setting.assumeRole, session);
    return own(session);
  }
}

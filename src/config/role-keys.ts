/** Where the keys of an execution role come from; one of the two. */
export interface RoleKeysSetting {
  /** JSON of mode 0600 with `accessKeyId`, `secretAccessKey` and maybe `sessionToken`. */
  credentialsFile?: string;
  /** AssumeRole at AWS, or wherever STS is spoken. */
  assumeRole?: AssumeRoleSetting;
}

export interface AssumeRoleSetting {
  /** JSON of mode 0600: the keys of whoever may assume the role. */
  credentialsFile: string;
  /** Of STS; left out: AWS's own in the region. */
  endpoint?: string;
  /** Left out: squib's. */
  region?: string;
  /** The role to assume; left out: the execution role's own ARN. */
  roleArn?: string;
  externalId?: string;
}

type Fail = (path: string, problem: string) => never;

/** Checks one entry of the setting `roles`, of whatever type it is. */
export function checkRoleKeys(role: Record<string, unknown>, path: string, fail: Fail): void {
  only(role, ['credentialsFile', 'assumeRole'], path, fail);
  if ((role.credentialsFile === undefined) === (role.assumeRole === undefined))
    fail(path, 'must have either credentialsFile or assumeRole');
  if (role.assumeRole === undefined) {
    checkFile(role.credentialsFile, `${path}.credentialsFile`, fail);
    return;
  }
  const assume = role.assumeRole;
  if (assume === null || typeof assume !== 'object') fail(`${path}.assumeRole`, 'must be an object');
  const setting = assume as Record<string, unknown>;
  const texts = ['endpoint', 'region', 'roleArn', 'externalId'];
  only(setting, ['credentialsFile', ...texts], `${path}.assumeRole`, fail);
  checkFile(setting.credentialsFile, `${path}.assumeRole.credentialsFile`, fail);
  for (const name of texts)
    if (setting[name] !== undefined && typeof setting[name] !== 'string')
      fail(`${path}.assumeRole.${name}`, 'must be a string');
  if (setting.endpoint !== undefined && !/^https?:\/\/[^/]+\/?$/.test(String(setting.endpoint)))
    fail(`${path}.assumeRole.endpoint`, 'must be a URL like https://sts.eu-west-1.amazonaws.com');
}

function checkFile(value: unknown, path: string, fail: Fail): void {
  if (typeof value !== 'string' || !value.startsWith('/')) fail(path, 'must be an absolute path');
}

function only(value: Record<string, unknown>, names: string[], path: string, fail: Fail): void {
  for (const name of Object.keys(value))
    if (!names.includes(name)) fail(`${path}.${name}`, 'is not a setting of squib');
}

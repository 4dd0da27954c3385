import type { ServiceRoles } from '../authorization/roles/service-roles.ts';
import { assumeRole } from '../aws/client/assume-role.ts';
import type { Config } from '../config/config.ts';
import { readCredentialsFile } from '../config/credentials-file.ts';
import { RoleKeys } from '../host/metadata/role-keys.ts';

/** As long as AWS's, which is longer than the metadata service says that they hold. */
const seconds = 3600;

/** Where MicroVMs get the keys of their execution roles from. */
export function openRoleKeys(config: Pick<Config, 'roles' | 'region'>, own: ServiceRoles): RoleKeys {
  return new RoleKeys({
    roles: config.roles,
    own: ({ roleArn, sessionName }) => own.keys(roleArn, sessionName, seconds),
    assume: (setting, { roleArn, sessionName }) => {
      const region = setting.region ?? config.region;
      return assumeRole({
        ...{ region, sessionName, externalId: setting.externalId },
        endpoint: setting.endpoint ?? `https://sts.${region}.amazonaws.com`,
        caller: readCredentialsFile(setting.credentialsFile, `whoever assumes ${roleArn}`),
        roleArn: setting.roleArn ?? roleArn,
      });
    },
  });
}

import { ecrPassword, ecrRegistry } from '../aws/client/ecr.ts';
import type { Config } from '../config/config.ts';
import { readCredentialsFile } from '../config/credentials-file.ts';
import { SquibError } from '../errors/squib-error.ts';
import type { RegistryLogin } from '../host/builder/registry-credentials.ts';

/** Passwords of Amazon ECR, got with the keys that the setting `roles` has for the build role. */
export function registryLogins(config: Pick<Config, 'registries' | 'roles' | 'region'>): RegistryLogin {
  return async (host, roleArn, signal) => {
    const settings = config.registries[host];
    if (settings?.username) return undefined; // one password for everybody
    const { ecrEndpoint: endpoint = '', ecrRegion = '' } = settings ?? {};
    const registry = endpoint === '' ? ecrRegistry(host) : { endpoint, region: ecrRegion || config.region };
    if (!registry) return undefined;
    const file = config.roles[roleArn]?.credentialsFile;
    if (file === undefined) {
      throw new SquibError(
        `The registry ${host} is Amazon ECR, and nothing is known of the keys of ${roleArn}.`,
        "Name a file with the build role's keys in the setting 'roles'.",
      );
    }
    return ecrPassword(registry, readCredentialsFile(file, roleArn), signal);
  };
}

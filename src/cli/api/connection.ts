import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { readRootCredential } from '../../daemon/credentials.ts';
import { SquibError } from '../../errors/squib-error.ts';

/** Which squib a command talks to, and as whom. */
export interface Connection {
  /** For example `http://localhost:4700`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The squib that `AWS_ENDPOINT_URL` names, with the credentials of the environment (what `squib env` sets); without
 * that variable the one of this machine, as root. Keys in the environment count only together with the endpoint, so
 * that keys of the real AWS are never sent here.
 *
 * @param configFile as given with `--config`; then the environment is left aside
 * @throws SquibError when credentials are missing or may not be read
 */
export function findConnection(configFile?: string, env: Environment = process.env): Connection {
  const endpoint = env.AWS_ENDPOINT_URL;
  if (endpoint !== undefined && endpoint !== '' && configFile === undefined) {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
    if (!accessKeyId || !secretAccessKey) {
      throw new SquibError(
        'AWS_ENDPOINT_URL is set, but AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not.',
        `Set both, or all of them with: eval "$(squib env)"`,
      );
    }
    const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? readConfig().region;
    return { endpoint, region, accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN };
  }
  const config = readConfig(configFile);
  const root = readRootCredential(dataLayout(config.dataDir).keys);
  return { endpoint: `http://localhost:${config.api.port}`, region: config.region, ...root };
}

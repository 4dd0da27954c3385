import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { readRootCredential } from '../../daemon/credentials.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { readProfile } from './profile.ts';

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

/** Where a command line says to look. */
export interface Choice {
  config?: string | undefined;
  profile?: string | undefined;
}

/**
 * In this order: `--config` names the squib of this machine, asked as root; `--profile`, or AWS_PROFILE where no keys are
 * in the environment, a profile with `endpoint_url`; AWS_ENDPOINT_URL goes with the keys of the environment (what
 * `squib env` sets); else it is the squib of this machine. Keys count only together with an endpoint, so that those of
 * the real AWS are never sent here.
 *
 * @throws SquibError when something is missing or may not be read
 */
export function findConnection(choice: Choice = {}, env: Environment = process.env): Connection {
  if (choice.config !== undefined) return local(choice.config);
  if (choice.profile !== undefined) return fromProfile(choice.profile, undefined, env);
  const endpoint = env.AWS_ENDPOINT_URL || undefined;
  if (env.AWS_ACCESS_KEY_ID && endpoint !== undefined) return fromEnvironment(endpoint, env);
  if (env.AWS_PROFILE) return fromProfile(env.AWS_PROFILE, endpoint, env);
  return endpoint === undefined ? local(undefined) : fromEnvironment(endpoint, env);
}

/** The configuration of the squib of this machine, where that is the one that would be asked. */
export function localConfig(choice: Choice, env: Environment = process.env) {
  const remote = choice.profile !== undefined || env.AWS_ENDPOINT_URL || env.AWS_PROFILE;
  return choice.config === undefined && remote ? undefined : readConfig(choice.config);
}

function local(file: string | undefined): Connection {
  const config = readConfig(file);
  const root = readRootCredential(dataLayout(config.dataDir).keys);
  return { endpoint: `http://localhost:${config.api.port}`, region: config.region, ...root };
}

function fromEnvironment(endpoint: string, env: Environment): Connection {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (!accessKeyId || !secretAccessKey) {
    throw new SquibError(
      'AWS_ENDPOINT_URL is set, but AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not.',
      `Set both, or all of them with: eval "$(squib env)"`,
    );
  }
  return {
    endpoint,
    region: regionOf(env),
    accessKeyId,
    secretAccessKey,
    sessionToken: env.AWS_SESSION_TOKEN,
  };
}

function fromProfile(name: string, given: string | undefined, env: Environment): Connection {
  const profile = readProfile(name, env);
  const endpoint = given ?? profile.endpoint_url;
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = profile;
  if (!endpoint || !accessKeyId || !secretAccessKey) {
    const missing = endpoint ? 'keys' : 'endpoint_url';
    throw new SquibError(
      `The profile '${name}' has no ${missing}.`,
      `Set it: aws configure ${endpoint ? '' : 'set endpoint_url http://HOST:4700 '}--profile ${name}`,
    );
  }
  const region = regionOf(env, profile.region);
  return { endpoint, region, accessKeyId, secretAccessKey, sessionToken: profile.aws_session_token };
}

const regionOf = (env: Environment, ofProfile?: string) =>
  env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? ofProfile ?? readConfig().region;

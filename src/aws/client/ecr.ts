import { SquibError } from '../../errors/squib-error.ts';
import { type Signer, sign } from './sign.ts';

/** A registry of AWS's kind: it takes passwords for hours, which its service gives to whoever signs with AWS keys. */
export interface EcrRegistry {
  /** Of the service, for example `https://api.ecr.eu-west-1.amazonaws.com`. */
  endpoint: string;
  region: string;
}

const ownName = /^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|on\.aws)$/;

/** The service behind a registry's host name; undefined for a name that is not AWS's. */
export function ecrRegistry(host: string): EcrRegistry | undefined {
  const [, region, domain] = ownName.exec(host) ?? [];
  if (region === undefined) return undefined;
  const suffix = domain === 'on.aws' ? 'amazonaws.com' : domain;
  return { region, endpoint: `https://api.ecr.${region}.${suffix}` };
}

/**
 * `GetAuthorizationToken` of Amazon ECR.
 * @throws SquibError with the service's own words
 */
export async function ecrPassword(
  registry: EcrRegistry,
  keys: Omit<Signer, 'region'>,
  signal: AbortSignal,
): Promise<{ username: string; password: string }> {
  const url = new URL(registry.endpoint);
  const body = '{}';
  const headers = sign(
    {
      ...{ method: 'POST', url, body },
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      },
    },
    { ...keys, region: registry.region },
    'ecr',
    Date.now(),
  );
  const refused = (why: string, cause?: unknown) =>
    new SquibError(
      `Amazon ECR at ${url.origin} gives no password: ${why}.`,
      'The keys of the build role must be allowed to call ecr:GetAuthorizationToken.',
      { cause },
    );
  const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' }).catch(
    (error) => {
      signal.throwIfAborted();
      throw refused((error.cause ?? error).message, error);
    },
  );
  const text = await answer.text();
  const told = readJson(text) as {
    message?: unknown;
    Message?: unknown;
    authorizationData?: { authorizationToken?: unknown }[];
  };
  if (!answer.ok) throw refused(String(told.message ?? told.Message ?? `HTTP status ${answer.status}`));
  const token = Buffer.from(
    String(told.authorizationData?.[0]?.authorizationToken ?? ''),
    'base64',
  ).toString();
  const colon = token.indexOf(':');
  if (colon < 1) throw refused('its answer holds none');
  return { username: token.slice(0, colon), password: token.slice(colon + 1) };
}

function readJson(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

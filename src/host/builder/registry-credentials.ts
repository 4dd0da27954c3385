import { readFile } from 'node:fs/promises';
import { SquibError } from '../../errors/squib-error.ts';

/** The setting `registries`: who we are to a registry, by its host name (with port where it has one). */
export type Registries = Record<string, { username: string; passwordFile: string }>;

export interface Login {
  username: string;
  password: string;
}

/**
 * Who a build is to a registry where that depends on its build role; undefined where it does not.
 * @throws SquibError when the role gets no password
 */
export type RegistryLogin = (
  host: string,
  roleArn: string,
  signal: AbortSignal,
) => Promise<Login | undefined>;

/** `registry` in `registry/path:tag`. */
export function registryOf(reference: string): string {
  return reference.slice(0, reference.indexOf('/'));
}

/**
 * The credentials for the registry of an image in the form of Docker's `config.json`, for a file that only the
 * sandbox's root may read: programs get them neither as argument nor as environment.
 * @throws SquibError when the password's file cannot be read
 */
export async function authFile(reference: string, registries: Registries, login?: Login): Promise<string> {
  const host = registryOf(reference);
  const { username, password } = login ?? (await settledLogin(host, registries));
  if (username === '') return '{}';
  const key = host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
  return JSON.stringify({ auths: { [key]: { auth: basic(username, password) } } });
}

const basic = (username: string, password: string) =>
  Buffer.from(`${username}:${password}`).toString('base64');

async function settledLogin(host: string, registries: Registries): Promise<Login> {
  const credentials = registries[host];
  if (!credentials?.username) return { username: '', password: '' };
  try {
    const password = (await readFile(credentials.passwordFile, 'utf8')).trim();
    return { username: credentials.username, password };
  } catch (cause) {
    throw new SquibError(
      `The password for registry ${host} cannot be read from ${credentials.passwordFile}.`,
      `Check the setting 'registries.${host}.passwordFile'.`,
      { cause },
    );
  }
}

const manifests = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * Asks the registry for an image in somebody's name, without fetching it.
 * @returns the digest that its tag stands for, or why it is not given
 */
export async function digestFor(
  reference: string,
  login: Login,
  signal: AbortSignal,
): Promise<{ digest: string } | { refusal: string }> {
  const host = registryOf(reference);
  const [, name, tag, digest] = /^[^/]+\/([^@]+?)(?::([\w.-]+))?(?:@(.+))?$/.exec(reference) ?? [];
  const scheme = isLoopback(reference) ? 'http' : 'https';
  const url = `${scheme}://${host}/v2/${name}/manifests/${digest ?? tag ?? 'latest'}`;
  const authorization = `Basic ${basic(login.username, login.password)}`;
  try {
    const answer = await fetch(url, {
      method: 'HEAD',
      headers: { authorization, accept: manifests },
      signal,
    });
    const found = answer.headers.get('docker-content-digest');
    if (answer.ok && found) return { digest: found };
    return { refusal: answer.ok ? 'the registry names no digest' : `HTTP status ${answer.status}` };
  } catch (error) {
    signal.throwIfAborted();
    return { refusal: ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message };
  }
}

/** Registries of this host may do without TLS, as for Docker. */
export function isLoopback(reference: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(registryOf(reference));
}

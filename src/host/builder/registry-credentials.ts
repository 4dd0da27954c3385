import { readFile } from 'node:fs/promises';
import { SquibError } from '../../errors/squib-error.ts';

/** The setting `registries`: who we are to a registry, by its host name (with port where it has one). */
export type Registries = Record<string, { username: string; passwordFile: string }>;

/** `registry` in `registry/path:tag`. */
export function registryOf(reference: string): string {
  return reference.slice(0, reference.indexOf('/'));
}

/**
 * The credentials for the registry of an image in the form of Docker's `config.json`, for a file that only the
 * sandbox's root may read: programs get them neither as argument nor as environment.
 * @throws SquibError when the password's file cannot be read
 */
export async function authFile(reference: string, registries: Registries): Promise<string> {
  const host = registryOf(reference);
  const credentials = registries[host];
  if (!credentials) return '{}';
  let password: string;
  try {
    password = (await readFile(credentials.passwordFile, 'utf8')).trim();
  } catch (cause) {
    throw new SquibError(
      `The password for registry ${host} cannot be read from ${credentials.passwordFile}.`,
      `Check the setting 'registries.${host}.passwordFile'.`,
      { cause },
    );
  }
  const auth = Buffer.from(`${credentials.username}:${password}`).toString('base64');
  const key = host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
  return JSON.stringify({ auths: { [key]: { auth } } });
}

/** Registries of this host may do without TLS, as for Docker. */
export function isLoopback(reference: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(registryOf(reference));
}

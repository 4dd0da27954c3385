import type { Config } from '../config/config.ts';
import { ensureStandInImages } from '../setup/stand-in-images.ts';

const registry = 'https://registry-1.docker.io/v2/';
const reachTimeoutMs = 5000;

/**
 * The configuration to use for the demo: unchanged where the registry of the example's base image (or the user's own
 * mirror of it) is within reach, else with stand-ins made of Debian packages.
 */
export async function withBaseImages(config: Config, say: (line: string) => void): Promise<Config> {
  if (Object.keys(config.mirrors).length > 0 || (await registryAnswers())) return config;
  say(
    'No container registry can be reached from here. The base image is a stand-in, built from Debian packages',
  );
  say("under the real image's name; with a registry, or the setting 'mirrors', the real one is used.");
  return { ...config, mirrors: await ensureStandInImages(config.cacheDir, say) };
}

async function registryAnswers(): Promise<boolean> {
  try {
    const { status } = await fetch(registry, { signal: AbortSignal.timeout(reachTimeoutMs) });
    return status === 200 || status === 401; // 401 is a registry's way to say that it wants a token
  } catch {
    return false;
  }
}

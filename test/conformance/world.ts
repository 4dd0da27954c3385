// What all conformance tests share: one squib with room, one with hardly any, an image, and the environment of clients.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.ts';
import { defaultQuotas } from '../../src/control/quotas.ts';
import { clientEnvironment } from '../../src/daemon/client-environment.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { ensureTestClients, type TestClients } from '../../src/setup/test-clients.ts';
import { buildProbe, probeZip } from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';

/** Not the default, and the region that test/aws signs for. */
export const region = 'eu-test-1';
export const accountId = '111111111111';

export interface World {
  /** Has room for four MicroVMs of 512 MiB. */
  squib: TestSquib;
  /** Nothing may be made in it, and every operation that it limits may be called once. */
  narrow: TestSquib;
  /** An image that all tests may run; nobody changes it. */
  image: string;
  /** The probe application as a zip file on disk. */
  artifactFile: string;
  clients: TestClients;
  /** Environment of Python and of the AWS CLI: credentials, endpoint, trust. */
  env: Record<string, string>;
  narrowEnv: Record<string, string>;
}

const hardlyEver = { perSecond: 0.000_001, burst: 1 };

export async function openWorld(): Promise<World> {
  const place = { region, accountId };
  const squib = await TestSquib.start({ ...place, quotas: { ...defaultQuotas, memoryMiB: 4 * 512 } });
  const narrow = await TestSquib.start({
    ...place,
    quotas: {
      ...defaultQuotas,
      ...{ images: 0, networkConnectors: 0 },
      rates: { GetMicrovm: hardlyEver, ListNetworkConnectors: hardlyEver, ListTags: hardlyEver },
    },
  });
  try {
    const image = await buildProbe(squib);
    const clients = await ensureTestClients(squib.config.cacheDir, () => {});
    const artifactFile = join(squib.config.dataDir, 'artifact.zip');
    writeFileSync(artifactFile, await probeZip());
    return { squib, narrow, image, artifactFile, clients, env: envOf(squib), narrowEnv: envOf(narrow) };
  } catch (error) {
    await Promise.all([squib.remove(), narrow.remove()]);
    throw error;
  }
}

export async function closeWorld(world: World | undefined): Promise<void> {
  await Promise.all([world?.squib.remove(), world?.narrow.remove()]);
}

/** The environment that `squib env` prints, and nothing of this machine's but the path of programs. */
function envOf({ config, layout }: { config: Config; layout: TestSquib['layout'] }): Record<string, string> {
  const file = join(config.dataDir, 'aws-config');
  // The clients must not check what squib shall check; waiting and repeating would only hide what it answers.
  const settings = ['[default]', 'parameter_validation = false', 'max_attempts = 1', 'cli_pager ='];
  writeFileSync(file, `${settings.join('\n')}\n`);
  return {
    PATH: process.env.PATH ?? '',
    HOME: config.dataDir,
    AWS_CONFIG_FILE: file,
    ...clientEnvironment(config, layout),
  };
}

export const rootOf = (squib: TestSquib) => readRootCredential(squib.layout.keys);
export const baseImageArn = `arn:aws:lambda:${region}:aws:microvm-image:al2023-1`;
export const connector = (name: string) =>
  `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
export const imageArn = (name: string) => `arn:aws:lambda:${region}:${accountId}:microvm-image:${name}`;
export const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`;

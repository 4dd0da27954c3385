import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import type { Config } from '../../src/config/config.ts';
import { buildProbe } from './images.ts';
import { madeOnce } from './made-once.ts';
import { TestSquib } from './squib.ts';

/**
 * A squib that has built the probe application before: its data directory is a copy of one in which a squib of this
 * run did so.
 */
export async function startWithProbe(
  overrides: Partial<Config> = {},
): Promise<{ squib: TestSquib; image: string }> {
  const dataDir = overrides.dataDir ?? mkdtempSync('/tmp/squib-');
  const built = await madeOnce('probe', async (folder) => {
    const squib = await TestSquib.start({ dataDir: folder });
    try {
      await buildProbe(squib);
      await squib.down('SIGTERM');
    } finally {
      await squib.end();
    }
  });
  execFileSync('cp', ['-a', '--reflink=auto', `${built}/.`, dataDir]);
  const squib = await TestSquib.start({ ...overrides, dataDir });
  const { region, accountId } = squib.config;
  return { squib, image: `arn:aws:lambda:${region}:${accountId}:microvm-image:probe` };
}

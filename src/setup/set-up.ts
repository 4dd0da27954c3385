import { mkdirSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { SquibError } from '../errors/squib-error.ts';
import { ensureAwsCliV2 } from './aws-cli-v2.ts';
import { ensureCdk } from './cdk.ts';
import { compileGuestAgent, compileJailer } from './compile.ts';
import { ensureConsole } from './console.ts';
import { ensureKernel } from './kernel.ts';
import { ensurePrerequisites, prerequisites, testPrerequisites } from './prerequisites.ts';
import { ensureRuntimeTree } from './runtime-tree.ts';
import { ensureStandInImages } from './stand-in-images.ts';
import { ensureTestClients } from './test-clients.ts';

/**
 * Makes everything that squib needs on this machine; what is there already is left alone.
 * @param options.tests also what only the tests need: stand-in base images, AWS's Python clients.
 */
export async function setUp(
  config: Config,
  options: { tests: boolean },
  say: (line: string) => void,
): Promise<void> {
  if (process.platform !== 'linux') {
    throw new SquibError('squib runs on Linux only.', 'Use a Linux machine or a Linux virtual machine.');
  }
  if (process.getuid?.() !== 0) {
    throw new SquibError('The set-up needs root.', "Run it with sudo, or through 'npm run setup'.");
  }
  ensurePrerequisites(options.tests ? [...prerequisites, ...testPrerequisites] : prerequisites, say);
  mkdirSync(config.cacheDir, { recursive: true, mode: 0o755 });
  await ensureRuntimeTree(config.cacheDir, say);
  await compileGuestAgent(config.cacheDir);
  await compileJailer(config.cacheDir);
  await ensureKernel(config.cacheDir, say);
  await ensureConsole(config.cacheDir, say);
  if (options.tests) {
    await ensureStandInImages(config.cacheDir, say);
    await ensureTestClients(config.cacheDir, say);
    await ensureAwsCliV2(config.cacheDir, say);
    await ensureCdk(config.cacheDir, say);
  }
}

// Runs a Python script against squib; each line that it prints becomes a test.
import { spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { probeHooks } from '../support/images.ts';
import { runSteps } from '../support/python-steps.ts';
import { accountId, region, type World } from './world.ts';

/** @param more what the script finds in `WORLD` besides the usual. */
export async function runPython(
  t: TestContext,
  { clients, env, narrowEnv, artifactFile, image }: World,
  script: string,
  more: object = {},
): Promise<void> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(clients.python, ['-B', file], { env });
  await runSteps(t, child, { region, accountId, artifactFile, image, narrowEnv, hooks: probeHooks, ...more });
}

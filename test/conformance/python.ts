// Runs a Python script against squib; each line that it prints becomes a test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { probeHooks } from '../support/images.ts';
import { accountId, region, type World } from './world.ts';

interface Step {
  name: string;
  error?: string;
}

/** @param more what the script finds in `WORLD` besides the usual. */
export async function runPython(
  t: TestContext,
  { clients, env, narrowEnv, artifactFile, image }: World,
  script: string,
  more: object = {},
): Promise<void> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(clients.python, ['-B', file], { env });
  child.stdin.end(
    JSON.stringify({ region, accountId, artifactFile, image, narrowEnv, hooks: probeHooks, ...more }),
  );
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  const steps = out
    .split('\n')
    .filter(Boolean)
    .map((line): Step => JSON.parse(line));
  for (const { name, error } of steps) {
    await t.test(name, () => assert.equal(error, undefined, error));
  }
  assert.equal(code, 0, errors);
  assert.ok(steps.length > 0, `${script} printed nothing: ${errors}`);
}

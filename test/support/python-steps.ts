// A Python script against squib: each line that it prints becomes a test.
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

interface Step {
  name: string;
  error?: string;
}

/** @param world what the script reads from its standard input, as JSON */
export async function runSteps(
  t: TestContext,
  child: ChildProcessWithoutNullStreams,
  world: object,
): Promise<void> {
  child.stdin.end(JSON.stringify(world));
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
  assert.ok(steps.length > 0, `the script printed nothing: ${errors}`);
}

// The attack suite. Its cases run in a lab of network namespaces (lab/lab.ts); here they are started and reported.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeLab } from './lab/lab.ts';

test('walls', { timeout: 1_500_000 }, async (t) => {
  const lab = await makeLab();
  try {
    const program = fileURLToPath(new URL('./cases.ts', import.meta.url));
    const child = lab.spawn(process.execPath, [program], { SQUIB_WALLS_ARRIVALS: lab.arrivals });
    let errors = '';
    child.stderr!.on('data', (text) => {
      errors += text;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    let cases = 0;
    for await (const line of createInterface(child.stdout!)) {
      const { name, failure } = JSON.parse(line) as { name: string; failure?: string };
      cases++;
      await t.test(name, () => assert.equal(failure, undefined));
    }
    assert.equal(await ended, 0, errors);
    assert.ok(cases > 0);
  } finally {
    lab.remove();
  }
});

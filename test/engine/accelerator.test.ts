import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { chooseAccelerator } from '../../src/engine/accelerator.ts';

const skip = !existsSync('/dev/kvm') && 'without /dev/kvm there is nothing to find out';

test('squibs that start together on a fresh machine find out about KVM, each for itself', {
  skip,
}, async () => {
  const { cacheDir } = readConfig();
  const fresh = mkdtempSync('/tmp/squib-kvm-cache-');
  try {
    for (const name of ['bin', 'kernel', 'runtime']) symlinkSync(join(cacheDir, name), join(fresh, name));
    const choose = () => chooseAccelerator({ cacheDir: fresh, accelerator: 'auto' });
    const [one, ...others] = await Promise.all(Array.from({ length: 3 }, choose));
    for (const other of others) assert.deepEqual(other, one);
    assert.deepEqual(readdirSync(fresh).sort(), ['bin', 'kernel', 'kvm-verdict.json', 'runtime']);
    assert.deepEqual(await choose(), one);
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

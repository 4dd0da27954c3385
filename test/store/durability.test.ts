import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../src/store/store.ts';

/** Writes images and their history until it is killed; says each name when its commit has returned. */
const writer = `
  const [, file, module] = process.argv;
  const { openStore } = await import(module);
  const { writeSync } = await import('node:fs');
  const store = openStore(file);
  for (let n = 0; ; n++) {
    const name = 'image-' + n;
    store.transaction(() => {
      const times = { lastNumber: 1, createdAt: 1, updatedAt: 1 };
      store.images.insert({ id: name, arn: name, account: '1', region: 'r', name, state: 'CREATED', ...times });
      const owner = { account: '1', region: 'r', resource: name, number: null };
      const change = { ...owner, fromState: null, toState: 'CREATED', reason: 'Because.', at: 1 };
      store.transitions.add({ kind: 'image', subject: name, ...change });
    });
    writeSync(1, name + '\\n');
  }
`;

test('what was acknowledged is there after kill -9, and nothing is half there', {
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'squib-durable-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'squib.db');
  const module = join(import.meta.dirname, '../../src/store/store.ts');
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, file, module], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.split('\n').length > 100) child.kill('SIGKILL');
  });
  await once(child, 'close');
  const acknowledged = said.split('\n').slice(0, -1);
  const store = openStore(file);
  t.after(() => store.close());
  assert.ok(acknowledged.length >= 100);
  for (const name of acknowledged) assert.ok(store.images.byName(name), name);
  for (const { id } of store.images.page('1', 'r', { limit: 100_000 }).rows) {
    assert.equal(store.transitions.of('image', id).length, 1);
  }
});

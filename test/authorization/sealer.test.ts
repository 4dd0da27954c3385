import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSealer } from '../../src/store/sealer.ts';

test('a secret opens with the same key, for the same owner, unchanged; with nothing else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'seal-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const keys = join(folder, 'keys');
  const sealed = openSealer(keys).seal('a secret', 'AKIA1');
  assert.equal(openSealer(keys).open(sealed, 'AKIA1'), 'a secret');
  assert.ok(!sealed.includes('secret'));
  assert.equal(statSync(join(keys, 'seal.key')).mode & 0o777, 0o600);

  assert.throws(() => openSealer(keys).open(sealed, 'AKIA2'), /AKIA2 cannot be opened/);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = changed[at]! ^ 1;
    assert.throws(() => openSealer(keys).open(changed, 'AKIA1'), /cannot be opened/);
  }
  for (const length of [0, 1, 28, sealed.length - 1]) {
    assert.throws(() => openSealer(keys).open(sealed.subarray(0, length), 'AKIA1'), /cannot be opened/);
  }
  const other = openSealer(join(folder, 'other'));
  assert.throws(() => other.open(sealed, 'AKIA1'), /cannot be opened/);
});

test('sealing twice gives different texts', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'seal-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const sealer = openSealer(folder);
  assert.notDeepEqual(sealer.seal('same', 'x'), sealer.seal('same', 'x'));
});

test('a damaged key file is never replaced', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'seal-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'seal.key');
  writeFileSync(file, 'short\n');
  assert.throws(() => openSealer(folder), /seal\.key is damaged/);
  assert.equal(readFileSync(file, 'utf8'), 'short\n');
});

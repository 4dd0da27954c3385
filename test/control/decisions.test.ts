import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('every decision in the code is in docs/compatibility.md, and every one there is in the code', () => {
  const marked = new Set<string>();
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(root, 'src', file), 'utf8');
    for (const [, id] of text.matchAll(/\bdecision ([A-Z]\d+)\b/gi)) marked.add(id!);
  }
  const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
  const listed = new Set([...page.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id]) => id!));
  assert.deepEqual([...marked].sort(), [...listed].sort());
});

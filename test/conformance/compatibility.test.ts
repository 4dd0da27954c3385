import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModel } from '../../src/aws/protocol/load-model.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
const table = page.slice(page.indexOf('## Operation by operation')).split(/\n## /)[0] ?? '';
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(' | '));

/** The text of `test/<name>`, whichever language it is written in. */
function source(name: string): string {
  const file = ['.test.ts', '.ts', '.py'].map((end) => join(root, 'test', name + end)).find(existsSync);
  assert.ok(file, `there is no test file ${name}`);
  return readFileSync(file, 'utf8').replaceAll("\\'", "'");
}

test('every test that docs/compatibility.md names is there', () => {
  assert.ok(rows.length > 50);
  for (const [operation = '', rule = '', cell = ''] of rows) {
    const tests = [...cell.matchAll(/([\w./-]+): “([^”]+)”/g)];
    assert.equal(tests.length, cell.split('<br>').length, `${operation}: ${rule}: ${cell}`);
    for (const [, file = '', name = ''] of tests) {
      const quoted = [`'${name}'`, `"${name}"`, `\`${name}\``];
      const text = source(file);
      assert.ok(
        quoted.some((literal) => text.includes(`(${literal}`)),
        `${file} has no test '${name}'`,
      );
    }
  }
});

test('every operation of both services is in docs/compatibility.md', () => {
  const listed = new Set(rows.map(([operation]) => operation));
  for (const model of [loadModel('lambda-microvms'), loadModel('lambda-core')]) {
    for (const operation of Object.keys(model.operations)) assert.ok(listed.has(operation), operation);
  }
});

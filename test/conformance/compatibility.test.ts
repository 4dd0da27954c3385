import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadModel } from '../../src/aws/protocol/load-model.ts';

const root = join(import.meta.dirname, '../..');
const operations = rowsOf('docs/compatibility.md', '## Operation by operation');
const endpoint = rowsOf('docs/endpoint-compatibility.md', '## Endpoint by rule');
const shell = rowsOf('docs/endpoint-compatibility.md', '## Shell by rule');

function rowsOf(file: string, heading: string): string[][] {
  const page = readFileSync(join(root, file), 'utf8');
  const table = page.slice(page.indexOf(heading)).split(/\n## /)[0] ?? '';
  return table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.slice(2, -2).split(' | '));
}

/** The text of `test/<name>`, whichever language it is written in. */
function source(name: string): string {
  const file = ['.test.ts', '.ts', '.py'].map((end) => join(root, 'test', name + end)).find(existsSync);
  assert.ok(file, `there is no test file ${name}`);
  return readFileSync(file, 'utf8').replaceAll("\\'", "'");
}

test('every test that the pages on compatibility name is there', () => {
  assert.ok(operations.length > 50 && endpoint.length > 50 && shell.length > 15);
  for (const [operation = '', rule = '', cell = ''] of [...operations, ...endpoint, ...shell]) {
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
  const listed = new Set(operations.map(([operation]) => operation));
  for (const model of [loadModel('lambda-microvms'), loadModel('lambda-core')]) {
    for (const operation of Object.keys(model.operations)) assert.ok(listed.has(operation), operation);
  }
});

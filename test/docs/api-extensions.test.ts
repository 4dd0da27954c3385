import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { extensionsFile, extensionsPage } from '../../scripts/extensions-page.ts';
import { squibModel } from '../../src/extensions/squib-model.ts';

test('docs/api-extensions.md has every operation as the model has it (node scripts/extensions-page.ts makes it)', () => {
  const page = readFileSync(extensionsFile, 'utf8');
  assert.equal(page, extensionsPage());
  for (const name of Object.keys(squibModel.operations)) assert.match(page, new RegExp(`^## ${name}$`, 'm'));
});

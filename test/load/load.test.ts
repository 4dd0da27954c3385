// A short form of `npm run load`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.ts';

test('200 connections over 4 MicroVMs: no error, nobody starves, memory stays', async () => {
  const { errors, fewest, memory } = await load({ connections: 200, microvms: 4, seconds: 10 });
  assert.deepEqual(errors, []);
  assert.ok(fewest > 0);
  assert.ok(memory.last < memory.first * 1.25 + 32, JSON.stringify(memory));
});

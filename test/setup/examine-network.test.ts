import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedChains } from '../../src/setup/examine-network.ts';

const forward = { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward' };

test('a firewall that drops what the host forwards is found, and one that lets MicroVMs through is not', () => {
  const closed = { chain: { ...forward, policy: 'drop' } };
  const find = (...nftables: object[]) => closedChains(JSON.stringify({ nftables })).map(({ name }) => name);
  assert.deepEqual(find(closed), ['FORWARD']);
  assert.deepEqual(find({ chain: { ...forward, policy: 'accept' } }), []);
  assert.deepEqual(find({ chain: { ...forward, hook: 'input', policy: 'drop' } }), []);
  const match = { match: { left: { meta: { key: 'iifname' } }, right: 'sqb*' } };
  const rule = { family: 'ip', table: 'filter', chain: 'FORWARD', expr: [match, { accept: null }] };
  assert.deepEqual(find(closed, { rule }), []);
});

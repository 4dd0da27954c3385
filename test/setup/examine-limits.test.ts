import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { examineLimits } from '../../src/setup/examine-limits.ts';

test('a host without control groups is told so, with what is not limited then and the way out', async () => {
  const { state, detail, remedy } = await examineLimits('/tmp', '/nowhere');
  assert.equal(state, 'warning');
  assert.match(
    detail,
    /^no control group for cpu, memory, pids, disk traffic \(reading\): .*not limited there$/,
  );
  assert.match(remedy ?? '', /cgroup v2/);
});

test('controllers that are named but cannot be set count as missing, and nothing is left of the trial', async (t) => {
  const root = mkdtempSync('/tmp/sq-limits-');
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids io');
  const { state, detail } = await examineLimits('/tmp', root);
  assert.equal(state, 'warning');
  assert.match(detail, /cpu, memory, pids/);
});

test('this host, whatever it has, is told which', async () => {
  const { subject, detail } = await examineLimits('/tmp');
  assert.equal(subject, 'limits');
  assert.match(detail, /^(no )?control group/);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockDataDir, lockHolder } from '../../src/daemon/data-lock.ts';

const dataDir = mkdtempSync('/tmp/squib-lock-');
after(() => rmSync(dataDir, { recursive: true }));

test('nobody holds a fresh or released data directory, and one holder is told from others', () => {
  assert.equal(lockHolder(dataDir), undefined);
  const lock = lockDataDir(dataDir);
  assert.equal(lockHolder(dataDir), process.pid);
  assert.throws(() => lockDataDir(dataDir), /Another squib is up/);
  lock.release();
  assert.equal(lockHolder(dataDir), undefined);
});

test('a holder that is about to come or go is waited for', async () => {
  const lock = lockDataDir(dataDir);
  rmSync(join(dataDir, 'pid'));
  const later = spawn('sh', ['-c', `echo ready; sleep 0.2; echo 4711 > ${join(dataDir, 'pid')}`]);
  await once(later.stdout, 'data');
  assert.equal(lockHolder(dataDir), 4711);
  await once(later, 'exit');
  rmSync(join(dataDir, 'pid'));
  assert.throws(() => lockHolder(dataDir), /does not say who/);
  lock.release();
});

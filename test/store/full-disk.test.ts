import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Role } from '../../src/store/role-records.ts';
import { openStore } from '../../src/store/store.ts';

/** A small file system of its own. */
function smallDisk(t: TestContext, mebibytes: number): string {
  const folder = mkdtempSync('/tmp/sq-full-');
  const [disk, mount] = [join(folder, 'disk'), join(folder, 'mount')];
  mkdirSync(mount);
  writeFileSync(disk, '');
  truncateSync(disk, mebibytes * 1024 ** 2);
  for (const [command, ...args] of [
    ['mke2fs', '-q', '-t', 'ext4', '-m', '0', disk],
    ['mount', '-o', 'loop', disk, mount],
  ]) {
    const { status, stderr } = spawnSync(command!, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  t.after(() => {
    spawnSync('umount', ['--lazy', mount]);
    rmSync(folder, { recursive: true, force: true });
  });
  return mount;
}

function fill(mount: string): void {
  const filler = join(mount, 'filler');
  for (const size of ['4k', '512'])
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, `bs=${size}`, 'oflag=append', 'conv=notrunc'], {
      stdio: 'ignore',
    });
  const { bavail, bsize } = statfsSync(mount);
  assert.ok(bavail * bsize < 8192, `${bavail * bsize} bytes are free`);
}

const role = (text: string) => ({ text }) as unknown as Role;

test('changes are still written down when somebody has filled the disk', (t) => {
  const mount = smallDisk(t, 32);
  const store = openStore(join(mount, 'squib.db'));
  fill(mount);
  // More than the write-ahead log holds: it is checkpointed and begun anew on the way.
  for (let i = 0; i < 1200; i++)
    store.transaction(() => store.roles.put(`role-${i % 50}`, role(`${i} `.padEnd(1500, 'x'))));
  assert.match(JSON.stringify(store.roles.get('role-49')), /1199/);
  store.close();
});

test('the database is opened again on a full disk after a crash', (t) => {
  const mount = smallDisk(t, 20);
  const file = join(mount, 'squib.db');
  const store = openStore(file);
  store.transaction(() => store.roles.put('one', role('1')));
  fill(mount);
  const again = openStore(file); // the first one is still open: its files are as a crash leaves them
  assert.deepEqual(again.roles.get('one'), role('1'));
  again.close();
  store.close();
});

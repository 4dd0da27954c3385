// One MicroVM writes until the host's disk is full. The disk is a file system of its own, as small as it may be.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { suspend, terminate } from '../support/lifecycle.ts';
import { get, run } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';

const MiB = 1024 ** 2;
let folder: string;
let mount: string;
let squib: TestSquib;
let image: string;

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${command}: ${stderr}`);
}
const free = () => {
  const { bavail, bsize } = statfsSync(mount);
  return bavail * bsize;
};

before(async () => {
  folder = mkdtempSync('/tmp/squib-full-');
  mount = join(folder, 'd');
  mkdirSync(mount);
  const disk = join(folder, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, 3072 * MiB);
  must('mke2fs', '-q', '-t', 'ext4', '-m', '0', '-E', 'lazy_itable_init=1', disk);
  must('mount', '-o', 'loop', disk, mount);
  ({ squib, image } = await startWithProbe({ dataDir: join(mount, 'data') }));
});
after(async () => {
  await squib?.remove();
  if (mount) spawnSync('umount', ['--lazy', mount]);
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test('who writes the host’s disk full takes nothing from the others, and can be got rid of', async () => {
  const [sleeper, neighbour, attacker] = await Promise.all([0, 1, 2].map(() => run(squib, image)));
  for (const each of [sleeper!, neighbour!]) assert.equal((await each.json('/')).count, 1);
  await suspend(squib, sleeper!.id);
  const filler = join(mount, 'filler');
  must('fallocate', '-l', String(free() - 64 * MiB), filler);
  const { written, error } = await attacker!.json('/fill?mib=400');
  assert.ok(Number(written) < 200 && Number(error) > 0, `${written} MiB, ${error}`);
  assert.ok(free() < 8 * MiB, `${free()} bytes are free`);
  // Who runs goes on, and the API answers.
  assert.equal((await neighbour!.json('/')).count, 2);
  assert.equal((await get(squib, sleeper!.id)).state, 'SUSPENDED');
  // The way out is open: ending whoever filled it gives its room back, and nothing else is lost.
  await terminate(squib, attacker!.id);
  assert.ok(free() > 32 * MiB, `${free()} bytes are free`);
  assert.equal((await sleeper!.json('/')).count, 2);
  assert.equal((await neighbour!.json('/')).count, 3);
  await suspend(squib, neighbour!.id);
  assert.equal((await neighbour!.json('/')).count, 4);
  rmSync(filler);
});

test('with no byte left at all a MicroVM can still be ended, also after a restart', async () => {
  const microvm = await run(squib, image);
  const filler = join(mount, 'filler');
  must('fallocate', '-l', String(free() - MiB), filler);
  for (const size of ['64k', '512'])
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, `bs=${size}`, 'oflag=append', 'conv=notrunc'], {
      stdio: 'ignore',
    });
  assert.ok(free() < 64 * 1024, `${free()} bytes are free`);
  await terminate(squib, microvm.id);
  await squib.down();
  await squib.up();
  assert.equal((await get(squib, microvm.id)).state, 'TERMINATED');
});

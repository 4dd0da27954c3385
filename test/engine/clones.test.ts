import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SnapshotDamaged } from '../../src/engine/engine.ts';
import { wake } from './fixture/guest.ts';
import { type Ground, makeGround, nextOrder } from './fixture/snapshot.ts';

describe('machines from one snapshot', () => {
  let ground: Ground;
  before(async () => {
    ground = await makeGround();
  });
  after(() => ground?.remove());

  test('begin with its state and then see nothing of each other', async () => {
    const [first, second] = await Promise.all([1, 2].map(() => ground.engine.restore(nextOrder(ground))));
    try {
      const a = await wake(first!);
      const b = await wake(second!);
      assert.equal(await a.ask('read'), 'base');
      assert.equal(await a.ask('write a'), 'written');
      assert.equal(await b.ask('read'), 'base');
      assert.equal(await b.ask('write b'), 'written');
      assert.equal(await a.ask('count'), '2');
      assert.equal(await a.ask('count'), '3');
      assert.equal(await b.ask('count'), '2');
      assert.equal(await a.ask('read'), 'a');
      assert.equal(await b.ask('read'), 'b');
    } finally {
      await Promise.all([first!.kill(), second!.kill()]);
    }
  });

  test('leave the snapshot unchanged and unwritable', () => {
    for (const name of ['memory', 'devices', 'disk.qcow2', 'rootfs.ext4', 'manifest.json']) {
      const { mode, uid } = statSync(join(ground.snapshotDir, name));
      assert.equal(mode & 0o777, 0o444, name);
      assert.equal(uid, 0, name);
    }
  });

  test('are told apart when they end: killed, switched off, ended by squib', async () => {
    const machines = await Promise.all([1, 2, 3].map(() => ground.engine.restore(nextOrder(ground))));
    process.kill(machines[0]!.pid, 'SIGKILL');
    assert.match((await machines[0]!.exited).reason, /SIGKILL/);
    const guest = await wake(machines[1]!);
    await guest.connection.powerOff();
    assert.match((await machines[1]!.exited).reason, /powered off/);
    await machines[2]!.kill();
    await machines[2]!.kill();
    assert.match((await machines[2]!.exited).reason, /told to end/);
    for (const machine of machines) {
      assert.equal(existsSync(`/proc/${machine.pid}`), false);
      await assert.rejects(machine.connectChannel(), /cannot be opened/);
      await assert.rejects(machine.run(), /gone/);
    }
  });

  test('pause and run on', async () => {
    const machine = await ground.engine.restore(nextOrder(ground));
    try {
      const guest = await wake(machine);
      await machine.pause();
      const answer = guest.ask('count');
      const early = await Promise.race([
        answer,
        new Promise((resolve) => setTimeout(resolve, 300, 'silence')),
      ]);
      assert.equal(early, 'silence');
      await machine.run();
      assert.equal(await answer, '2');
    } finally {
      await machine.kill();
    }
  });

  test('are refused without a complete snapshot, and leave no process', async () => {
    const manifest = join(ground.snapshotDir, 'manifest.json');
    const devices = join(ground.snapshotDir, 'devices');
    const [kept, keptDevices] = [readFileSync(manifest), readFileSync(devices)];
    try {
      rmSync(manifest);
      await assert.rejects(ground.engine.restore(nextOrder(ground)), SnapshotDamaged);
      writeFileSync(manifest, kept);
      writeFileSync(devices, keptDevices.subarray(0, 5000));
      const order = nextOrder(ground);
      await assert.rejects(ground.engine.restore(order), SnapshotDamaged);
      assert.equal(await ground.engine.adopt(order), undefined);
    } finally {
      writeFileSync(manifest, kept, { mode: 0o444 });
      writeFileSync(devices, keptDevices, { mode: 0o444 });
    }
  });
});

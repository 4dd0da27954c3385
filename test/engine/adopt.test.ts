import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { leave, meet, wake } from './fixture/guest.ts';
import { type Ground, makeGround, nextOrder } from './fixture/snapshot.ts';

const earlier = join(import.meta.dirname, 'fixture/restore-and-leave.ts');

describe('adopting a machine of an earlier process', () => {
  let ground: Ground;
  before(async () => {
    ground = await makeGround();
  });
  after(() => ground?.remove());

  test('it has run on and can do everything', async () => {
    const order = nextOrder(ground);
    execFileSync(process.execPath, [earlier, JSON.stringify(order)]);
    let machine = await ground.engine.adopt(order);
    assert.ok(machine);
    try {
      const guest = await meet(machine);
      assert.equal(await guest.ask('count'), '3');
      await leave(guest);
      await ground.engine.suspend(machine);
      machine = await ground.engine.resume(order);
      assert.equal(await (await wake(machine)).ask('count'), '4');
    } finally {
      await machine.kill();
    }
  });

  test('its end is noticed', async () => {
    const order = nextOrder(ground);
    execFileSync(process.execPath, [earlier, JSON.stringify(order)]);
    const machine = await ground.engine.adopt(order);
    assert.ok(machine);
    process.kill(machine.pid, 'SIGKILL');
    await machine.exited;
    assert.equal(await ground.engine.adopt(order), undefined);
  });

  test('a process that merely has the same number is left alone', async () => {
    const order = nextOrder(ground);
    const machine = await ground.engine.restore(order);
    await machine.kill();
    const pidFile = join(order.dir, 'pid');
    const [, startTime] = readFileSync(pidFile, 'utf8').trim().split(' ');
    writeFileSync(pidFile, `${process.pid} ${startTime}\n`);
    assert.equal(await ground.engine.adopt(order), undefined);
  });

  test('nothing is adopted where nothing was', async () => {
    assert.equal(await ground.engine.adopt(nextOrder(ground)), undefined);
  });
});

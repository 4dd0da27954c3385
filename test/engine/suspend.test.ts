import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { SnapshotDamaged } from '../../src/engine/engine.ts';
import { leave, wake } from './fixture/guest.ts';
import { type Ground, makeGround, nextOrder } from './fixture/snapshot.ts';

const MIB = 1024 * 1024;

describe('a suspended machine', () => {
  let ground: Ground;
  before(async () => {
    ground = await makeGround();
  });
  after(() => ground?.remove());

  test('costs only its dirty pages, keeps its state and does not grow with every cycle', async () => {
    const order = nextOrder(ground);
    let machine = await ground.engine.restore(order);
    try {
      let guest = await wake(machine);
      await guest.ask('fill 16');
      const sum = await guest.ask('sum');
      const sizes: number[] = [];
      for (let cycle = 0; cycle < 4; cycle++) {
        await guest.ask(`write cycle ${cycle}`);
        await leave(guest);
        const { pid } = machine;
        const { dirtyBytes, writtenBytes } = await ground.engine.suspend(machine);
        assert.equal(existsSync(`/proc/${pid}`), false);
        assert.ok(writtenBytes <= 1.1 * dirtyBytes + 256 * 1024, `${writtenBytes} for ${dirtyBytes}`);
        const files = readdirSync(join(order.dir, 'suspended'));
        const onDisk = files.map((name) => statSync(join(order.dir, 'suspended', name)).size);
        assert.equal(
          onDisk.reduce((all, size) => all + size),
          writtenBytes,
        );
        sizes.push(dirtyBytes);
        machine = await ground.engine.resume(order);
        await ground.engine.commitResume(order.dir);
        assert.equal(existsSync(join(order.dir, 'suspended')), false);
        guest = await wake(machine);
        assert.equal(await guest.ask('sum'), sum);
        assert.equal(await guest.ask('read'), `cycle ${cycle}`);
        assert.equal(await guest.ask('count'), `${cycle + 2}`);
      }
      assert.ok(sizes[0]! > 16 * MIB);
      assert.ok(sizes[3]! < sizes[0]! + 3 * MIB, `dirty bytes of each cycle: ${sizes}`);
    } finally {
      await machine.kill();
    }
  });

  test('finds that time has gone on: its monotonic clock too, and what it waited for is due', async () => {
    const order = nextOrder(ground);
    let machine = await ground.engine.restore(order);
    try {
      let guest = await wake(machine);
      const clocks = async () =>
        (await guest.ask('clocks')).split(' ').map(Number) as [number, number, number];
      const [, monotonic, real] = await clocks();
      await guest.ask('alarm 600');
      await leave(guest);
      await ground.engine.suspend(machine);
      const manifest = join(order.dir, 'suspended/manifest.json');
      // As if it had been stopped an hour earlier.
      const [line = ''] = readFileSync(manifest, 'utf8').split('\n');
      const state = JSON.parse(line);
      state.stoppedAt -= 3600_000;
      writeFileSync(manifest, `${JSON.stringify(state)}\n${crc32(JSON.stringify(state))}\n`);
      machine = await ground.engine.resume(order);
      await ground.engine.commitResume(order.dir);
      guest = await wake(machine);
      const [rung, monotonicThen, realThen] = await clocks();
      const gone = realThen - real;
      assert.ok(
        Math.abs(monotonicThen - monotonic - gone - 3600) < 1,
        `${monotonicThen - monotonic} s in ${gone}`,
      );
      assert.equal(rung, 1, 'the alarm of ten minutes rang at once');
      assert.equal(await guest.ask('read'), 'base');

      // And it can be suspended and resumed as before.
      await leave(guest);
      await ground.engine.suspend(machine);
      machine = await ground.engine.resume(order);
      guest = await wake(machine);
      const [, monotonicLast, realLast] = await clocks();
      assert.ok(Math.abs(monotonicLast - monotonicThen - (realLast - realThen)) < 1);
      assert.deepEqual(readdirSync(order.dir).includes('incoming'), false);
    } finally {
      await machine.kill();
    }
  });

  test('can be resumed again when the first attempt came to nothing', async () => {
    const order = nextOrder(ground);
    const first = await ground.engine.restore(order);
    await leave(await wake(first));
    await ground.engine.suspend(first);
    await (await ground.engine.resume(order)).kill();
    const machine = await ground.engine.resume(order);
    try {
      assert.equal(await (await wake(machine)).ask('count'), '2');
    } finally {
      await machine.kill();
    }
  });

  test('is not resumed when any of its files is damaged', async () => {
    const order = nextOrder(ground);
    const machine = await ground.engine.restore(order);
    await leave(await wake(machine));
    await ground.engine.suspend(machine);
    const suspended = join(order.dir, 'suspended');
    const good = join(order.dir, 'good');
    cpSync(suspended, good, { recursive: true });
    const damages: Record<string, () => void> = {
      'a flipped bit in the pages': () => flip(join(suspended, 'pages'), 200_000),
      'a flipped bit in the index': () => flip(join(suspended, 'pages'), 20),
      'pages cut short': () => truncateSync(join(suspended, 'pages'), 8192),
      'pages missing': () => rmSync(join(suspended, 'pages')),
      'a flipped bit in the device state': () => flip(join(suspended, 'devices'), 5000),
      'a changed manifest': () => flip(join(suspended, 'manifest.json'), 30),
      'no manifest': () => rmSync(join(suspended, 'manifest.json')),
      // Last: it cannot be undone.
      'a disk written to since': () => appendFileSync(join(order.dir, 'disk.qcow2'), 'x'),
    };
    for (const [name, damage] of Object.entries(damages)) {
      damage();
      await assert.rejects(ground.engine.resume(order), SnapshotDamaged, name);
      assert.equal(await ground.engine.adopt(order), undefined, name);
      rmSync(suspended, { recursive: true });
      cpSync(good, suspended, { recursive: true });
    }
  });

  test('belongs to one snapshot', async () => {
    const order = nextOrder(ground);
    const machine = await ground.engine.restore(order);
    await leave(await wake(machine));
    await ground.engine.suspend(machine);
    const other = join(ground.folder, 'other');
    mkdirSync(other);
    cpSync(ground.snapshotDir, other, { recursive: true });
    const manifest = join(other, 'manifest.json');
    const text = readFileSync(manifest, 'utf8');
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, text.replace(/"id": "..../, '"id": "0000'));
    await assert.rejects(ground.engine.resume({ ...order, snapshotDir: other }), /another snapshot/);
  });

  test('a full disk leaves the machine running and nothing behind', async () => {
    const order = nextOrder(ground);
    mkdirSync(order.dir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'squib-test', order.dir]);
    try {
      const machine = await ground.engine.restore(order);
      try {
        const guest = await wake(machine);
        await guest.ask('fill 16');
        const sum = await guest.ask('sum');
        await guest.connection.freeze();
        await assert.rejects(ground.engine.suspend(machine), /ENOSPC/);
        await guest.connection.thaw();
        assert.equal(await guest.ask('sum'), sum);
        assert.deepEqual(
          readdirSync(order.dir).filter((name) => name.startsWith('suspended')),
          [],
        );
      } finally {
        await machine.kill();
      }
    } finally {
      execFileSync('umount', [order.dir]);
    }
  });
});

function flip(path: string, position: number): void {
  const content = readFileSync(path);
  content[position]! ^= 1;
  chmodSync(path, 0o644);
  writeFileSync(path, content);
}

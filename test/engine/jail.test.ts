import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Machine } from '../../src/engine/engine.ts';
import { type Ground, makeGround, nextOrder } from './fixture/snapshot.ts';

describe('the jail of a QEMU', () => {
  let ground: Ground;
  let machine: Machine;
  let order: ReturnType<typeof nextOrder>;
  before(async () => {
    ground = await makeGround();
    order = nextOrder(ground);
    machine = await ground.engine.restore(order);
    await machine.run();
  });
  after(async () => {
    await machine?.kill();
    ground?.remove();
  });
  const inside = (path: string) => `/proc/${machine.pid}/root${path}`;
  const status = () => readFileSync(`/proc/${machine.pid}/status`, 'utf8');

  test('holds a process without rights', () => {
    const uid = order.uid;
    assert.match(status(), new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
    assert.match(status(), new RegExp(`^Gid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
    assert.match(status(), /^Groups:\s*$/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      assert.match(status(), new RegExp(`^Cap${set}:\\t0+$`, 'm'));
    assert.match(status(), /^NoNewPrivs:\t1$/m);
    assert.match(status(), /^Seccomp:\t2$/m);
  });

  test('has namespaces of its own', () => {
    for (const name of ['mnt', 'net', 'ipc', 'uts'])
      assert.notEqual(
        readlinkSync(`/proc/${machine.pid}/ns/${name}`),
        readlinkSync(`/proc/self/ns/${name}`),
        name,
      );
  });

  test('has no network but a loopback and a wire to nowhere that are down', () => {
    const interfaces = readFileSync(`/proc/${machine.pid}/net/dev`, 'utf8')
      .split('\n')
      .slice(2)
      .filter(Boolean);
    const names = interfaces.map((line) => line.split(':')[0]!.trim());
    assert.deepEqual(names.sort(), ['lo', 'none']);
    assert.equal(readFileSync(`/proc/${machine.pid}/net/route`, 'utf8').trim().split('\n').length, 1);
  });

  test('shows the runtime tree and nothing of the host', () => {
    assert.ok(existsSync(inside('/squib-recipe')));
    assert.deepEqual(readdirSync(inside('/tmp')), []);
    assert.deepEqual(readdirSync(inside('/proc')), []);
    assert.deepEqual(readdirSync(inside('/sys')), []);
    assert.deepEqual(readdirSync(inside('/dev')).sort(), ['null', 'urandom', 'zero']);
    assert.deepEqual(readdirSync(inside('/vm')).sort(), ['console', 'devices', 'disk.qcow2', 'memory']);
  });

  test('is read-only except for its own disk and device state', () => {
    const mounts = readFileSync(`/proc/${machine.pid}/mountinfo`, 'utf8').trim().split('\n');
    const writable = mounts.map((line) => line.split(' ')).filter((fields) => !/^ro\b/.test(fields[5]!));
    assert.deepEqual(writable.map((fields) => fields[4]).sort(), ['/vm/devices', '/vm/disk.qcow2']);
    for (const fields of mounts.map((line) => line.split(' '))) assert.match(fields[5]!, /nosuid/, fields[4]);
  });

  test("keeps the machine's folder from its own user and from everyone else's", () => {
    const folder = statSync(order.dir);
    assert.equal(folder.uid, 0);
    assert.equal(folder.mode & 0o777, 0o700);
    for (const name of readdirSync(order.dir))
      assert.equal(statSync(`${order.dir}/${name}`).mode & 0o077, 0, name);
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createEngine, type Engine, type Machine } from '../../src/engine/engine.ts';
import { GuestConnection } from '../../src/guest/guest-connection.ts';
import { createLog } from '../../src/log/log.ts';
import { bootMs, cacheDir } from './support/machine.ts';
import { makeRootDisk } from './support/root-disk.ts';

const MiB = 1024 ** 2;
const uid = 762_000;
/** Memory that the machine wrote before its snapshot, and what the snapshot holds of it, in bytes. */
let written = 0;
let stored = 0;
let engine: Engine;
let folder: string;
let snapshotDir: string;
let next = 0;
const running = new Set<Machine>();

function order() {
  const id = `m${++next}`;
  return { id, dir: join(folder, id), uid: uid + next, snapshotDir };
}

/** Connects before the machine goes on, as the host does. */
async function wake(machine: Machine): Promise<GuestConnection> {
  running.add(machine);
  const opening = GuestConnection.open(await machine.connectChannel(), { timeoutMs: bootMs });
  opening.catch(() => {});
  await machine.run();
  return opening;
}

const thaw = (guest: GuestConnection) =>
  guest.thaw({
    epochNanoseconds: BigInt(Date.now()) * 1_000_000n,
    entropy: randomBytes(64),
    resetConnections: true,
  });

async function ask(guest: GuestConnection, port: number, question = ''): Promise<string> {
  const stream = await guest.dial(port);
  stream.end(question);
  return text(stream);
}

before(async () => {
  folder = mkdtempSync('/tmp/sqr-');
  snapshotDir = join(folder, 'snapshot');
  const rootfs = join(folder, 'rootfs.ext4');
  makeRootDisk(cacheDir, rootfs);
  engine = await createEngine({ cacheDir, accelerator: 'tcg', log: createLog(() => {}) });
  const machine = await engine.boot({
    ...{ id: 'build', dir: join(folder, 'build'), uid, rootfs },
    shape: { vcpus: 2, memoryMiB: 256 },
  });
  const guest = await wake(machine);
  const up = new Promise<void>((resolve) =>
    guest.onOutput((_stream, chunk) => chunk.includes('up') && resolve()),
  );
  const spec = { argv: ['/probe'], env: {}, cwd: '/', uid: 0, gid: 0, groups: [], hostname: 'm' };
  await guest.startContainer({ ...spec, allCapabilities: false });
  await up;
  const fill = `head -c ${60 * MiB} /dev/urandom >/dev/shm/used; : >/dev/shm/used`;
  const shell = await guest.openShell({ columns: 80, rows: 24, argv: ['sh', '-c', fill] });
  shell.stream.resume();
  assert.equal(await shell.exited, 0);
  await guest.freeze();
  written = (await machine.memory()).written;
  await guest.scrub(await machine.memory());
  await guest.close();
  stored = (await engine.snapshot(machine, snapshotDir)).memoryBytes;
  running.delete(machine);
});

after(async () => {
  for (const machine of running) await machine.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('memory that was used and given back is not in the snapshot', () => {
  assert.ok(written > 110 * MiB, `${written} bytes were written`);
  assert.ok(stored < written - 55 * MiB, `of ${written} bytes ${stored} were stored`);
});

test('clones of one snapshot run nothing before they are thawed, and then differ in randomness, not in time', async () => {
  const seen: string[] = [];
  for (let clone = 0; clone < 2; clone++) {
    const machine = await engine.restore(order());
    const guest = await wake(machine);
    assert.ok(guest.containerRunning);
    const early = await guest.dial(7000);
    early.write('early');
    let answered = false;
    early.once('data', () => {
      answered = true;
    });
    await guest.ping();
    assert.equal(answered, false);
    await thaw(guest);
    const [bytes = '', time = ''] = (await ask(guest, 7007)).split(' ');
    seen.push(bytes);
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 2, time);
    await guest.close();
    await machine.kill();
    running.delete(machine);
  }
  assert.notEqual(seen[0], seen[1]);
});

test('a machine that was saved with a host in the middle of a frame talks to the next one', async () => {
  const place = order();
  let machine = await engine.restore(place);
  for (let round = 0; round < 3; round++) {
    const channel = await machine.connectChannel();
    running.add(machine);
    const opening = GuestConnection.open(channel);
    await machine.run();
    const guest = await opening;
    await thaw(guest);
    const stream = await guest.dial(7000);
    stream.write('half a conversation');
    await once(stream, 'data');
    const flood = await guest.dial(7005);
    flood.resume(); // the agent, too, is in the middle of something
    await once(flood, 'data');
    channel.write(Buffer.concat([Buffer.from([9, 0, 0, 0, 19, 0, 0x80, 0]), randomBytes(round * 9000)]));
    if (round === 1) channel.destroy(); // otherwise the host is still connected when the machine is saved
    await engine.suspend(machine);
    running.delete(machine);
    channel.destroy();
    machine = await engine.resume(place);
    await engine.commitResume(place.dir);
  }
  const guest = await wake(machine);
  assert.equal(await ask(guest, 7000, 'again'), 'againbye');
  const shell = await guest.openShell({ columns: 80, rows: 24, argv: ['sh', '-c', 'exit 4'] });
  shell.stream.resume();
  assert.equal(await shell.exited, 4);
  await guest.close();
});

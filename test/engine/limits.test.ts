import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlGroup } from '../../src/control-groups/control-group.ts';
import { diskDevice } from '../../src/control-groups/disk-device.ts';
import { type Controller, type Layout, readLayout } from '../../src/control-groups/layout.ts';
import { settings } from '../../src/control-groups/limits.ts';
import { usableControllers } from '../../src/control-groups/usable.ts';
import type { Engine, LimitSettings } from '../../src/engine/engine.ts';
import { limitsOfAll, machineLimits } from '../../src/engine/machine-limits.ts';
import { killIfThere } from '../support/squib-processes.ts';
import { type Guest, wake } from './fixture/guest.ts';
import { CACHE, FIRST_UID, type Ground, makeEngine, makeGround, nextOrder } from './fixture/snapshot.ts';

const MiB = 1024 ** 2;
const name = `squib-test-${process.pid}`;
const limits: LimitSettings = {
  ...{ extraProcessors: 0.5, extraMemoryMiB: 384, threads: 100 },
  ...{ diskMiBPerSecond: 40, reservedMemoryMiB: 1024 },
};

test('a machine may use its size and what QEMU needs besides, all of them not the whole host', () => {
  const shape = { vcpus: 4, memoryMiB: 8192 };
  assert.deepEqual(machineLimits(shape, limits, '8:0'), {
    ...{ processors: 4.5, share: 4, memoryBytes: (8192 + 384) * MiB, processes: 100 },
    disk: { device: '8:0', bytesPerSecond: 40 * MiB },
  });
  assert.equal(machineLimits(shape, limits, undefined).disk, undefined);
  assert.equal(machineLimits(shape, { ...limits, diskMiBPerSecond: 0 }, '8:0').disk, undefined);
  const host = { memoryBytes: 16 * 1024 * MiB, processors: 8 };
  assert.deepEqual(limitsOfAll(host, limits), { memoryBytes: 15 * 1024 * MiB, share: 32 });
  assert.equal(limitsOfAll({ ...host, memoryBytes: 1024 * MiB }, limits).memoryBytes, 768 * MiB);
});

test('both versions of control groups are told the same', () => {
  const all = machineLimits({ vcpus: 2, memoryMiB: 2048 }, limits, '254:16');
  const told = (version: 1 | 2) =>
    (['cpu', 'memory', 'pids', 'io'] as Controller[]).flatMap((each) => settings(all, each, version));
  assert.deepEqual(told(2), [
    ['cpu.max', '250000 100000'],
    ['cpu.weight', '200'],
    ['memory.max', '2550136832'],
    ['memory.swap.max', '2550136832'],
    ['memory.oom.group', '1'],
    ['pids.max', '100'],
    ['io.max', '254:16 rbps=41943040 wbps=41943040'],
  ]);
  assert.deepEqual(told(1), [
    ['cpu.cfs_quota_us', '250000'],
    ['cpu.shares', '2048'],
    ['memory.memsw.limit_in_bytes', '-1'],
    ['memory.limit_in_bytes', '2550136832'],
    ['memory.memsw.limit_in_bytes', '2550136832'],
    ['pids.max', '100'],
    ['blkio.throttle.read_bps_device', '254:16 41943040'],
    ['blkio.throttle.write_bps_device', '254:16 41943040'],
  ]);
});

test('controllers are found where they are mounted: version 2, version 1, and both side by side', async (t) => {
  const root = mkdtempSync('/tmp/sq-groups-');
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const put = (path: string, content = '') => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  assert.deepEqual(await readLayout(join(root, 'nothing')), {});
  assert.deepEqual(await usableControllers(undefined, join(root, 'nothing')), {});
  put('v2/cgroup.controllers', 'cpuset cpu io memory hugetlb pids rdma\n');
  const two = { version: 2, folder: join(root, 'v2') };
  assert.deepEqual(await readLayout(join(root, 'v2')), { cpu: two, memory: two, pids: two, io: two });
  for (const name of ['cpu', 'memory', 'pids', 'blkio']) put(`v1/${name}/cgroup.procs`);
  const one = (name: string) => ({ version: 1, folder: join(root, 'v1', name) });
  assert.deepEqual(await readLayout(join(root, 'v1')), {
    ...{ cpu: one('cpu'), memory: one('memory'), pids: one('pids'), io: one('blkio') },
  });
  put('v1/unified/cgroup.controllers', 'memory pids\n');
  rmSync(join(root, 'v1/memory'), { recursive: true });
  const mixed = await readLayout(join(root, 'v1'));
  const unified = { version: 2, folder: join(root, 'v1/unified') };
  assert.deepEqual([mixed.cpu, mixed.memory, mixed.io], [one('cpu'), unified, one('blkio')]);
});

describe('limits of a QEMU on this host', () => {
  let ground: Ground;
  let engine: Engine;
  let layout: Layout;
  before(async () => {
    ground = await makeGround();
    engine = await makeEngine({ name, settings: limits });
    layout = await readLayout();
  });
  after(async () => {
    await engine?.close();
    ground?.remove();
  });

  /** Where the groups of a machine would be. */
  const foldersOf = (id: string) => ControlGroup.at(join(name, id), layout).folders();
  const members = (folder: string) => readFileSync(join(folder, 'cgroup.procs'), 'utf8').trim().split('\n');

  test('it is in groups of its own with those limits, is found there again, and they go with it', async () => {
    const order = nextOrder(ground);
    const program = fileURLToPath(new URL('./fixture/restore-and-leave.ts', import.meta.url));
    const groups = JSON.stringify({ name, settings: limits });
    const earlier = spawn(process.execPath, [program, JSON.stringify(order), groups], { stdio: 'ignore' });
    assert.deepEqual(await once(earlier, 'close'), [0, null]);
    const machine = await engine.adopt({ id: order.id, dir: order.dir });
    const folders = foldersOf(order.id);
    assert.ok(folders.length > 0, 'this host has no control groups');
    for (const folder of folders) assert.deepEqual(members(folder), [String(machine!.pid)]);
    const wanted = machineLimits({ vcpus: 2, memoryMiB: 256 }, limits, diskDevice(order.dir));
    for (const [controller, mounted] of Object.entries(layout)) {
      const set = settings(wanted, controller as Controller, mounted.version).filter(([, v]) => v !== '-1');
      for (const [file, value] of set) {
        const path = join(mounted.folder, name, order.id, file);
        // A kernel without swap accounting has no limit for swap.
        if (!existsSync(path) && /swap|memsw/.test(file)) continue;
        assert.ok(readFileSync(path, 'utf8').includes(value), `${path}: ${readFileSync(path, 'utf8')}`);
      }
    }
    await machine!.kill();
    for (const folder of folders) assert.ok(!existsSync(folder), folder);
  });

  test('groups that a crash left are removed by the next engine, those in use are not', async () => {
    const order = nextOrder(ground);
    const machine = await engine.restore(order);
    await ControlGroup.make(join(name, 'left-behind'), {}, layout);
    await makeEngine({ name, settings: limits });
    for (const folder of foldersOf('left-behind')) assert.ok(!existsSync(folder));
    for (const folder of foldersOf(order.id)) assert.ok(existsSync(folder));
    await machine.kill();
  });

  /** Runs a Perl program in QEMU's place: in the jail and the control group of a machine, with its limits. */
  async function goMad(id: string, memoryMiB: number, script: string): Promise<ChildProcess> {
    const shape = { vcpus: 1, memoryMiB };
    const group = await ControlGroup.make(join(name, id), machineLimits(shape, limits, undefined), layout);
    const uid = FIRST_UID + 99;
    const jail = ['--root', join(CACHE, 'runtime'), '--uid', `${uid}`, '--gid', `${uid}`];
    const groups = group.folders().flatMap((folder) => ['--control-group', folder]);
    return spawn(join(CACHE, 'bin/jailer'), [...jail, ...groups, '--', '/usr/bin/perl', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function end(id: string, child: ChildProcess): Promise<void> {
    for (const folder of foldersOf(id)) members(folder).filter(Boolean).map(Number).forEach(killIfThere);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    assert.ok(await ControlGroup.at(join(name, id), layout).remove());
  }

  /** Median time that a neighbour takes to answer. */
  async function latency(guest: Guest): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      const start = performance.now();
      assert.match(await guest.ask('count'), /^\d+$/);
      times.push(performance.now() - start);
    }
    return times.sort((one, other) => one - other)[7]!;
  }

  const usage = (id: string) => {
    const pids = new Set(foldersOf(id).flatMap(members).filter(Boolean));
    const ticks = [...pids].map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      return Number(fields[11]) + Number(fields[12]);
    });
    return ticks.reduce((sum, each) => sum + each, 0) / 100;
  };

  test('one that burns processors, eats memory or forks is held, and its neighbour goes on', async () => {
    const machine = await engine.restore(nextOrder(ground));
    const guest = await wake(machine);
    try {
      await latency(guest); // TCG has translated what is measured below
      const calm = await latency(guest);

      const burner = await goMad(
        'burner',
        256,
        'for (1..7) { last unless fork } $| = 1; print "b"; 1 while 1',
      );
      await once(burner.stdout!, 'data');
      const [start, used] = [performance.now(), usage('burner')];
      const burning = await latency(guest);
      await sleep(1500);
      const processors = (usage('burner') - used) / ((performance.now() - start) / 1000);
      await end('burner', burner);
      assert.ok(processors < 1.5 * 1.2, `${processors} processors`);

      const hog = await goMad('hog', 0, '$x[$_] = "x" x (1 << 20) for 0 .. 1e6');
      const [, signal] = await once(hog, 'close');
      assert.equal(signal, 'SIGKILL');
      assert.ok(await ControlGroup.at(join(name, 'hog'), layout).ranOutOfMemory());
      const hungry = await latency(guest);
      await end('hog', hog);

      const bomb = await goMad(
        'bomb',
        256,
        '$| = 1; $SIG{CHLD} = "IGNORE"; while (1) { my $p = fork; if (!defined $p) { print "full\n"; sleep 60 } elsif (!$p) { sleep 60 } }',
      );
      await once(bomb.stdout!, 'data');
      const [pids] = ControlGroup.at(join(name, 'bomb'), layout).folders().slice(-2);
      assert.ok(members(pids!).length <= limits.threads);
      const bombed = await latency(guest);
      await end('bomb', bomb);

      for (const [what, time] of Object.entries({ burning, hungry, bombed }))
        assert.ok(time / calm < 20, `${what}: ${(time / calm).toFixed(1)} times as long`);
    } finally {
      await machine.kill();
    }
  });

  test('pages of a snapshot that one machine read first are no memory that it may run out of', async () => {
    // Reading more pages of a shared file than the group may hold makes the kernel drop some, and nothing else.
    const script = `open F, "<", "/usr/bin/qemu-system-x86_64"; my $n = 0; for (1..60) { seek F, 0, 0;
      while (read F, my $x, 1 << 20) { $n += length $x } } print "$n\n"`;
    const order = nextOrder(ground);
    const machine = await engine.restore(order);
    await wake(machine);
    const group = await ControlGroup.make(join(name, 'reader'), { memoryBytes: 24 * MiB }, layout);
    const jail = ['--root', join(CACHE, 'runtime'), '--uid', '65534', '--gid', '65534'];
    const groups = group.folders().flatMap((folder) => ['--control-group', folder]);
    const reader = spawn(join(CACHE, 'bin/jailer'), [
      ...jail,
      ...groups,
      '--',
      '/usr/bin/perl',
      '-e',
      script,
    ]);
    const [code] = await once(reader, 'close');
    assert.equal(code, 0);
    assert.ok(!(await group.ranOutOfMemory()));
    await group.remove();
    await machine.kill();
  });

  test('a QEMU that the kernel ended for its memory says so', async () => {
    const tight = await makeEngine({ name, settings: { ...limits, extraMemoryMiB: -130 } });
    const machine = await tight.restore(nextOrder(ground));
    const guest = await wake(machine);
    guest.ask('fill 150').catch(() => {}); // there will be no answer
    assert.match((await machine.exited).reason, /used more memory than it may/);
  });
});

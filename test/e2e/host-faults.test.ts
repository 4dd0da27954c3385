import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeNamespace } from '../../src/host/network/uplink.ts';
import { assertConsistent, machinesOf } from '../support/consistency.ts';
import { askSuspend, crash, fork, suspend, terminate } from '../support/lifecycle.ts';
import { get, isAlive, run, type TestMicrovm, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe('what happens to the host', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    const standby = { perVersion: 1, total: 1, idleMinutes: 10 };
    ({ squib, image } = await startWithProbe({ standby }));
  });
  after(() => squib?.remove());

  const file = (microvm: TestMicrovm, name: string) => join(squib.layout.microvm(microvm.id), name);

  test('a reboot: what ran has ended with a reason, what slept wakes up, and no process of today is taken for one of then', async () => {
    const [running, asleep] = [await run(squib, image), await run(squib, image)];
    assert.equal((await asleep.json('/')).count, 1);
    await suspend(squib, asleep.id);
    await squib.down('SIGKILL');
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    try {
      for (const pid of machinesOf(squib, 'with standbys')) process.kill(pid, 'SIGKILL');
      await removeNamespace(squib.config.dataDir);
      // Files survive a reboot; the ids that they name are other processes' now.
      const stat = readFileSync(`/proc/${bystander.pid}/stat`, 'utf8');
      const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      writeFileSync(file(running, 'pid'), `${bystander.pid} ${startTime}\n`);
      const record = JSON.parse(readFileSync(file(running, 'machine.json'), 'utf8'));
      writeFileSync(file(running, 'machine.json'), JSON.stringify({ ...record, hostBoot: 'another' }));
      await squib.up();
      const { stateReason } = await until(squib, running.id, 'TERMINATED');
      assert.equal(stateReason, 'The virtual machine of the MicroVM was gone when squib looked for it.');
      assert.ok(isAlive(bystander.pid ?? 0));
      assert.equal((await asleep.json('/')).count, 2);
    } finally {
      bystander.kill();
    }
    await terminate(squib, asleep.id);
    await assertConsistent(squib);
  });

  test('an upgrade or a crash of the daemon behind sockets that outlive it: no request is refused, none is lost', async () => {
    const [microvm, asleep] = [await run(squib, image), await run(squib, image)];
    const pid = microvm.pid();
    await suspend(squib, asleep.id);
    await squib.down('SIGTERM');
    const { api, endpoint, dataDir } = squib.config;
    const log = join(dataDir, 'manager.log');
    const manager = spawn(
      'python3',
      [
        ...[here('../support/service-manager.py'), `${api.port}`, `${endpoint.port}`],
        ...[process.execPath, here('../../src/cli/main.ts'), 'up', '--config', join(dataDir, 'config.json')],
      ],
      { stdio: ['pipe', 'pipe', openSync(log, 'w')] },
    );
    const ids = createInterface({ input: manager.stdout! })[Symbol.asyncIterator]();
    const started = async () => Number((await ids.next()).value);
    try {
      let daemon = await started();
      let count = 0;
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        // Sent while nobody is there to take it; SIGTERM is a moment until that is so.
        assert.equal((await microvm.json('/')).count, ++count);
        process.kill(daemon, signal);
        daemon = await started();
        const held = [microvm.json('/'), microvm.json('/read?name=/app/app.py'), asleep.json('/')];
        const [answer, , other] = await Promise.all(held);
        assert.equal(answer?.count, ++count, `after ${signal}`);
        assert.equal(other?.count, count / 2, 'it slept, or was adopted');
        assert.equal((await get(squib, microvm.id)).state, 'RUNNING');
      }
      assert.equal(microvm.pid(), pid, 'the same machine all the time');
    } catch (error) {
      const said = readFileSync(log, 'utf8').slice(-6000);
      throw new Error(`${(error as Error).message}; the daemon wrote:\n${said}`, { cause: error });
    } finally {
      manager.stdin?.end();
      await once(manager, 'exit');
    }
    await squib.up();
    for (const { id } of [microvm, asleep]) await terminate(squib, id);
    await assertConsistent(squib);
  });

  test('a slow disk: everything takes longer, requests wait, and nothing is lost', async () => {
    const microvm = await run(squib, image);
    assert.equal((await microvm.json('/')).count, 1);
    // Every sync of the daemon takes a quarter of a second more.
    const slow = spawn(
      'strace',
      [
        ...['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync'],
        ...['-e', 'inject=fsync,fdatasync:delay_enter=250000', '-p', `${squib.pid}`],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      await untilTraced(squib.pid);
      const began = performance.now();
      await askSuspend(squib, microvm.id);
      const held = await Promise.all([microvm.json('/'), microvm.json('/'), microvm.json('/')]);
      assert.deepEqual(held.map(({ count }) => count).sort(), [2, 3, 4]);
      // Two changes of state, pages, devices, manifest and folders: the disk was slow indeed.
      assert.ok(performance.now() - began > 1000);
      const other = await run(squib, image);
      assert.equal((await other.json('/')).count, 1);
      const [copy] = (await fork(squib, other.id)) as [TestMicrovm];
      assert.equal((await copy.json('/')).count, 2);
      await suspend(squib, copy.id);
      await crash(squib);
      assert.equal((await copy.json('/')).count, 3);
      assert.equal((await microvm.json('/')).count, 5);
      for (const { id } of [microvm, other, copy]) await terminate(squib, id);
    } finally {
      slow.kill();
    }
    await assertConsistent(squib);
  });

  test('kill -9 after each step of a fork: the parent goes on, and what was not acknowledged leaves nothing', async () => {
    const parent = await run(squib, image);
    await parent.json('/touch-memory?mib=48');
    const forks = squib.layout.forks;
    const names = () => (existsSync(forks) ? readdirSync(forks) : []);
    const written = (name: string) => names().some((folder) => existsSync(join(forks, folder, name)));
    const steps: Record<string, () => boolean> = {
      'its folder is there': () => names().length > 0,
      'memory is copied': () => written('memory'),
      'device state is written': () => written('devices'),
      'the manifest is written': () => written('manifest.json'),
      'the checkpoint is whole': () => names().some((name) => !name.endsWith('.new')),
    };
    let count = 0;
    for (const [step, seen] of Object.entries(steps)) {
      const known = new Set(names());
      assert.deepEqual([...known], [], step);
      const asked = fork(squib, parent.id).catch(() => []);
      const end = Date.now() + 60_000;
      while (!seen() && Date.now() < end) await new Promise(setImmediate);
      await crash(squib);
      for (const child of await asked) {
        await until(squib, child.id, 'RUNNING');
        assert.equal((await child.json('/')).count, count + 1, step);
        await terminate(squib, child.id);
      }
      // One that was recorded, but whose answer never came, is a MicroVM as well.
      for (const id of readdirSync(squib.layout.microvms)) if (id !== parent.id) await terminate(squib, id);
      assert.equal((await parent.json('/')).count, ++count, step);
      while (names().length > 0) await sleep(20);
    }
    await terminate(squib, parent.id);
    await assertConsistent(squib);
  });
});

/** Resolves when another process traces this one. */
async function untilTraced(pid: number): Promise<void> {
  while (/^TracerPid:\t0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await sleep(10);
}

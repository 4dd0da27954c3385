import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeNamespace } from '../../src/host/network/uplink.ts';
import { assertConsistent } from '../support/consistency.ts';
import { buildProbe } from '../support/images.ts';
import { suspend, terminate } from '../support/lifecycle.ts';
import { get, isAlive, run, type TestMicrovm, until } from '../support/microvms.ts';
import { processesOf, TestSquib } from '../support/squib.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe('what happens to the host', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    squib = await TestSquib.start({ standby: { perVersion: 1, total: 1, idleMinutes: 10 } });
    image = await buildProbe(squib);
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
      for (const pid of processesOf(squib.config.dataDir)) process.kill(pid, 'SIGKILL');
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
    const started = lines(manager);
    try {
      let daemon = Number(await started());
      let count = 0;
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        // Sent while nobody is there to take it; SIGTERM is a moment until that is so.
        assert.equal((await microvm.json('/')).count, ++count);
        process.kill(daemon, signal);
        daemon = Number(await started());
        const held = [microvm.json('/'), microvm.json('/read?name=/app/app.py'), asleep.json('/')];
        const [answer, , other] = await Promise.all(held);
        assert.equal(answer?.count, ++count, `after ${signal}`);
        assert.equal(other?.count, count / 2, 'it slept, or was adopted');
        assert.equal((await get(squib, microvm.id)).state, 'RUNNING');
      }
      assert.equal(microvm.pid(), pid, 'the same machine all the time');
    } catch (error) {
      console.log(readFileSync(log, 'utf8').slice(-6000));
      throw error;
    } finally {
      manager.stdin?.end();
      await once(manager, 'exit');
    }
    await squib.up();
    for (const { id } of [microvm, asleep]) await terminate(squib, id);
    await assertConsistent(squib);
  });
});

/** Lines of a process's output, one at a time. */
function lines(child: ChildProcess): () => Promise<string> {
  const queue: string[] = [];
  let wake = () => {};
  child.stdout?.on('data', (chunk: Buffer) => {
    queue.push(...chunk.toString().trim().split('\n'));
    wake();
  });
  return async () => {
    while (queue.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return queue.shift()!;
  };
}

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMicrovmImageCommand,
  ListMicrovmsCommand,
  SuspendMicrovmCommand,
  TerminateMicrovmCommand,
  UpdateMicrovmImageCommand,
} from '@aws-sdk/client-lambda-microvms';
import { bucket, imageSettled, probeHooks } from '../support/images.ts';
import { isAlive, launch, run, type TestMicrovm, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';
import { processesOf } from '../support/squib-processes.ts';

describe('standbys', () => {
  let squib: TestSquib;
  let image: string;

  before(async () => {
    const standby = { perVersion: 1, total: 2, idleMinutes: 10 };
    ({ squib, image } = await startWithProbe({ standby }));
  });
  after(() => squib?.remove());

  const folders = () => (existsSync(squib.layout.standby) ? readdirSync(squib.layout.standby) : []);
  const ready = () => folders().filter((id) => squib.log.includes(`"standby":"${id}"`));
  const pidIn = (id: string) =>
    Number(readFileSync(join(squib.layout.standby, id, 'pid'), 'utf8').split(' ')[0]);

  async function standby(): Promise<{ id: string; pid: number }> {
    for (;;) {
      const [id] = ready();
      if (id !== undefined) return { id, pid: pidIn(id) };
      await sleep(20);
    }
  }

  async function terminate({ id }: TestMicrovm): Promise<void> {
    await squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
    await until(squib, id, 'TERMINATED');
  }

  test('there is none before a version is used; then there is one, and it is no MicroVM', async () => {
    assert.deepEqual(folders(), []);
    const first = await run(squib, image);
    await standby();
    const { items = [] } = await squib.clients.microvms.send(new ListMicrovmsCommand({}));
    assert.deepEqual(
      items.map(({ microvmId }) => microvmId),
      [first.id],
    );
    await terminate(first);
  });

  test('it becomes the next MicroVM, once, with its own identity, the right time and fresh randomness', async () => {
    const ahead = await standby();
    await sleep(1500); // a clock that stood still meanwhile must not be seen
    const one = await run(squib, image, { runHookPayload: 'first' });
    assert.equal(one.pid(), ahead.pid);
    const { time } = await one.json('/time');
    assert.ok(Math.abs(Number(time) * 1000 - Date.now()) < 1000, `${time} against ${Date.now() / 1000}`);
    const state = await one.json('/state');
    assert.equal(state.microvm_id, one.id);
    assert.equal(state.payload, 'first');
    // Hooks tell that the application ran for the first time after it had its identity.
    assert.deepEqual((state.hooks as string[]).at(-1), 'run');
    assert.equal((await one.json('/')).count, 1);

    const next = await standby();
    assert.notEqual(next.pid, one.pid());
    const other = await run(squib, image);
    assert.equal(other.pid(), next.pid);
    assert.equal((await other.json('/')).count, 1);
    assert.notEqual((await other.json('/random')).random, (await one.json('/random')).random);
    assert.notEqual(uidOf(one.pid()), uidOf(other.pid()));
    await terminate(other);
    assert.ok(!isAlive(next.pid));

    await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: one.id }));
    await until(squib, one.id, 'SUSPENDED');
    assert.ok(!isAlive(ahead.pid));
    assert.equal((await one.json('/')).count, 2, 'it sleeps and wakes like any other');
    await terminate(one);
  });

  test('it does not run: no processor time is used while it waits', async () => {
    const { pid } = await standby();
    const ticks = () => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    const begin = ticks();
    await sleep(1000);
    assert.ok(ticks() - begin <= 2);
  });

  test('one that died is replaced by a start from the snapshot', async () => {
    const { pid } = await standby();
    process.kill(pid, 'SIGKILL');
    const microvm = await run(squib, image);
    assert.equal((await microvm.json('/')).count, 1);
    await terminate(microvm);
  });

  test('a killed daemon leaves none behind, at any moment of taking it; the MicroVM is there', async () => {
    for (const delay of [0, 15, 60]) {
      const { pid } = await standby();
      const microvm = await launch(squib, image);
      await sleep(delay);
      await squib.down('SIGKILL');
      await squib.up();
      await until(squib, microvm.id, 'RUNNING');
      assert.equal((await microvm.json('/')).count, 1);
      assert.ok(microvm.pid() === pid || !isAlive(pid), `after ${delay} ms`);
      await terminate(microvm);
      await terminate(await run(squib, image)); // so that there is a standby again
    }
  });

  test('an orderly end takes it along', async () => {
    const { pid } = await standby();
    await squib.down('SIGTERM');
    assert.ok(!isAlive(pid));
    assert.deepEqual(folders(), []);
    await squib.up();
  });

  test('there are no more than the host may have: the version started last has them', async () => {
    await squib.down('SIGTERM');
    squib.config.standby = { perVersion: 2, total: 2, idleMinutes: 10 };
    await squib.up();
    const earlier = await run(squib, image);
    while (ready().length < 2) await sleep(20);
    const ofEarlier = new Set(ready());
    await squib.clients.microvms.send(
      new UpdateMicrovmImageCommand({
        imageIdentifier: image,
        baseImageArn: squib.baseImageArn,
        buildRoleArn: squib.buildRoleArn,
        codeArtifact: { uri: `s3://${bucket}/probe.zip` },
        hooks: probeHooks,
      }),
    );
    assert.equal((await imageSettled(squib, image)).state, 'UPDATED');
    const later = await run(squib, image);
    while (ready().length < 2 || ready().some((id) => ofEarlier.has(id))) await sleep(20);
    assert.equal(folders().length, 2);
    const pids = ready().map(pidIn);
    const another = await run(squib, image);
    assert.equal((await another.json('/')).count, 1);
    assert.ok(pids.includes(another.pid()));
    for (const each of [earlier, later, another]) await terminate(each);
  });

  test('it goes with its version', async () => {
    await terminate(await run(squib, image));
    const { pid } = await standby();
    await squib.clients.microvms.send(new DeleteMicrovmImageCommand({ imageIdentifier: image }));
    while (isAlive(pid)) await sleep(20);
    while (folders().length > 0) await sleep(20);
    assert.deepEqual(processesOf(squib.layout.standby), []);
  });

  const uidOf = (pid: number) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
});

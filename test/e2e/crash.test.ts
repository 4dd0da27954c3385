import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ListMicrovmsCommand,
  ResumeMicrovmCommand,
  SuspendMicrovmCommand,
  TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { get, isAlive, launch, run, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';
import { processesOf } from '../support/squib-processes.ts';

describe('kill -9 of the daemon at any moment ends in a consistent state', () => {
  let squib: TestSquib;
  let image: string;

  const crash = async () => {
    await squib.down('SIGKILL');
    await squib.up();
  };
  const terminate = async (id: string) => {
    await squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
    await until(squib, id, 'TERMINATED');
  };

  before(async () => {
    ({ squib, image } = await startWithProbe());
  });
  after(() => squib?.remove());

  test('at many moments of RunMicrovm: it ends RUNNING and answers', async () => {
    for (const delay of [0, 30, 80, 200]) {
      const microvm = await launch(squib, image);
      await sleep(delay);
      await crash();
      await until(squib, microvm.id, 'RUNNING');
      assert.equal((await microvm.json('/')).count, 1, `after ${delay} ms`);
      await terminate(microvm.id);
    }
  });

  test('at many moments of suspend and resume: no count is lost', async () => {
    const microvm = await run(squib, image);
    let count = 0;
    for (const delay of [0, 20, 60, 150, 400]) {
      assert.equal((await microvm.json('/')).count, ++count);
      await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }));
      await sleep(delay);
      await crash();
      assert.equal((await microvm.json('/')).count, ++count, `${delay} ms after suspend`);
      await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }));
      await until(squib, microvm.id, 'SUSPENDED');
      squib.clients.microvms
        .send(new ResumeMicrovmCommand({ microvmIdentifier: microvm.id }))
        .catch(() => {}); // the daemon dies while it answers
      await sleep(delay);
      await crash();
      assert.equal((await microvm.json('/')).count, ++count, `${delay} ms after resume`);
    }
    await terminate(microvm.id);
  });

  test('in the middle of TerminateMicrovm: it ends TERMINATED and nothing is left', async () => {
    for (const delay of [0, 50]) {
      const microvm = await run(squib, image);
      const pid = microvm.pid();
      await squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvm.id }));
      await sleep(delay);
      await crash();
      const { terminatedAt } = await until(squib, microvm.id, 'TERMINATED');
      assert.ok(terminatedAt);
      assert.ok(!isAlive(pid));
    }
  });

  test('a QEMU that was killed while the daemon was away is reported, not forgotten', async () => {
    const microvm = await run(squib, image);
    await squib.down('SIGKILL');
    process.kill(microvm.pid(), 'SIGKILL');
    await squib.up();
    const { stateReason } = await until(squib, microvm.id, 'TERMINATED');
    assert.ok(stateReason && stateReason !== 'Success.', stateReason);
  });

  test('a QEMU that is killed ends its MicroVM with a reason in words', async () => {
    const microvm = await run(squib, image);
    process.kill(microvm.pid(), 'SIGKILL');
    const { stateReason } = await until(squib, microvm.id, 'TERMINATED');
    assert.match(String(stateReason), /virtual machine ended/);
  });

  test('at the end there is no process, no file and no MicroVM too many', async () => {
    const { items = [] } = await squib.clients.microvms.send(new ListMicrovmsCommand({}));
    assert.ok(items.every(({ state }) => state === 'TERMINATED'));
    assert.deepEqual(readdirSync(squib.layout.microvms), []);
    assert.deepEqual(processesOf(`${squib.config.dataDir}/microvms`), []);
    assert.ok(statSync(squib.layout.database).size > 0);
    for (const { microvmId = '' } of items) assert.ok((await get(squib, microvmId)).stateReason);
  });
});

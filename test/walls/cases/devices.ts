// Root with all capabilities against the virtual hardware: whatever breaks is that MicroVM's alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { get, isAlive, run, type TestMicrovm } from '../../support/microvms.ts';
import { arrivals, check, isName, one, probe, squib, terminate } from '../lab/world.ts';

/** i440FX: host bridge, ISA, IDE, power management; virtio: network, disk, ports. Nothing else hangs on the bus. */
const bus = ['1af4:1000', '1af4:1001', '1af4:1003', '8086:1237', '8086:7000', '8086:7010', '8086:7113'];

const field = (pid: number, name: string) =>
  new RegExp(`^${name}:\\s+(.*)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

export async function deviceCases(image: string, neighbour: TestMicrovm): Promise<void> {
  await check('the bus has the devices that a MicroVM needs and no others', async () => {
    assert.deepEqual(await one(neighbour, 'devices'), { ok: bus });
  });
  await check('the metadata service answers no further than the MicroVM itself', async () => {
    assert.deepEqual(await one(neighbour, 'metadata_ttl'), { ok: 1 });
  });

  const kinds = ['ports', 'config', 'queues', 'channel', 'modules'];
  await check(`mad guests (${kinds.join(', ')}) hurt nobody but themselves`, async () => {
    const daemon = squib.pid;
    const mad = await Promise.all(kinds.map(() => run(squib, image)));
    for (const each of mad)
      for (let i = 0; i < 300 && (await each.send('/')).status !== 200; i++) await sleep(100);
    const pids = mad.map((each) => each.pid());
    const uids = pids.map((pid) => field(pid, 'Uid'));
    await Promise.all(
      mad.map((each, index) =>
        probe(each, [{ action: 'go_mad', label: kinds[index]!, seed: 7 + index }]).catch(() => {}),
      ),
    );
    const end = Date.now() + 4000;
    while (Date.now() < end) {
      assert.equal((await neighbour.send('/')).status, 200);
      await sleep(100);
    }
    for (const [index, pid] of pids.entries()) {
      if (!isAlive(pid)) continue;
      assert.equal(field(pid, 'Uid'), uids[index], kinds[index]);
      assert.equal(field(pid, 'CapEff'), '0000000000000000', kinds[index]);
      assert.equal(field(pid, 'NoNewPrivs'), '1', kinds[index]);
      assert.equal(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), '', kinds[index]);
    }
    // It goes on, or it is over and says why; and it can be got rid of.
    for (const [index, each] of mad.entries()) {
      const { state, stateReason } = await get(squib, each.id);
      assert.ok(state === 'RUNNING' || (state === 'TERMINATED' && stateReason), `${kinds[index]}: ${state}`);
    }
    await Promise.all(mad.map(terminate));
    for (const each of mad) while ((await get(squib, each.id)).state !== 'TERMINATED') await sleep(50);
    for (const pid of pids) assert.ok(!isAlive(pid));
    assert.equal(squib.pid, daemon);
    assert.ok(isAlive(daemon));
    assert.deepEqual(
      arrivals().filter((arrival) => !isName(arrival)),
      [],
    );
    const fresh = await run(squib, image);
    for (let i = 0; i < 300 && (await fresh.send('/')).status !== 200; i++) await sleep(100);
    await terminate(fresh);
  });
}

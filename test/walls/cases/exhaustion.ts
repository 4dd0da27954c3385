// What one MicroVM uses up, and what that costs its neighbour: ratios, because the machine may be busy.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestMicrovm } from '../../support/microvms.ts';
import { answerOf, check, one, probe, squib } from '../lab/world.ts';

/** How much longer a neighbour's answer may take while somebody rages; without walls there is none at all. */
const mostTimes = 25;
const GiB = 1024 ** 3;

/** Median milliseconds of requests one after the other. */
async function latency(microvm: TestMicrovm, count = 15): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    assert.equal((await microvm.send('/')).status, 200);
    times.push(performance.now() - start);
  }
  return times.sort((one, other) => one - other)[Math.floor(count / 2)]!;
}

export async function exhaustionCases(attacker: TestMicrovm, neighbour: TestMicrovm): Promise<void> {
  await latency(neighbour);
  const calm = await latency(neighbour);

  /** Starts something in the attacker and asks the neighbour meanwhile. @returns what the attacker says of it */
  const during = async (action: string, more: object = {}): Promise<unknown> => {
    const raging = one(attacker, action, more);
    const times = (await latency(neighbour)) / calm;
    assert.ok(times < mostTimes, `the neighbour takes ${times.toFixed(1)} times as long`);
    const { ok, error } = await raging;
    assert.equal(error, undefined);
    return ok;
  };
  /** All that must have come through unharmed. */
  const unharmed = async () => {
    assert.deepEqual(await one(attacker, 'file', { host: '/proc/self/comm' }), { ok: 'python\n' });
    assert.equal((await neighbour.send('/')).status, 200);
    assert.equal(squib.log.match(/uncaught|unhandled/i), null);
  };

  await check('a MicroVM that burns all its processors leaves its neighbour its share', async () => {
    await during('burn', { seconds: 5 });
    await unharmed();
  });
  await check('a MicroVM that wants all memory runs out of its own, and goes on', async () => {
    assert.equal(await during('hog'), -9);
    await unharmed();
  });
  await check('a fork bomb fills only the MicroVM that it goes off in', async () => {
    assert.equal(await during('bomb', { seconds: 4 }), 'over');
    await unharmed();
  });
  await check(
    'a disk filler meets the end of its own disk; the host’s has what was really written',
    async () => {
      const mib = 200;
      const [total, errno] = (await during('fill', { mib })) as [number, number];
      assert.equal(errno, 28); // ENOSPC
      assert.ok(total > 4 * 1024 && total < 8 * 1024, `${total} MiB`);
      const { blocks } = statSync(join(squib.layout.microvm(attacker.id), 'disk.qcow2'));
      assert.ok(blocks * 512 < 2 * GiB, `${blocks * 512} bytes`);
      await unharmed();
    },
  );
  await check('hundreds of connections with nonsense to everything that the host answers', async () => {
    assert.equal(await during('flood', { seconds: 4 }), 'over');
    await unharmed();
    const [token] = await probe(attacker, [
      {
        ...{ action: 'http', method: 'PUT', host: 'http://169.254.169.254/latest/api/token' },
        headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '60' },
      },
    ]);
    assert.equal(answerOf(token)[0], 200);
  });
}

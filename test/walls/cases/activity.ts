// What keeps a MicroVM running by its activity policy, in real time: begun before the long cases, looked at after them.
import assert from 'node:assert/strict';
import { GetMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { callExtension } from '../../support/lifecycle.ts';
import { run, until } from '../../support/microvms.ts';
import { check, one, publicHost, squib, terminate } from '../lab/world.ts';

/** The shortest there is. */
const idlePolicy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 3600, autoResumeEnabled: true };

/** @returns the case itself: by then nobody may have sent a request to either for a minute */
export async function beginToTalk(image: string): Promise<() => Promise<void>> {
  const start = async () => {
    const microvm = await run(squib, image, { idlePolicy });
    const policy = { resourceIdentifier: microvm.id, egressBytesPerSecond: 10 };
    await callExtension(squib, 'PutActivityPolicy', policy);
    const { ok } = await one(microvm, 'hold', { host: publicHost, port: 80, label: 'friend' });
    assert.ok(ok);
    return microvm;
  };
  const talker = await start();
  assert.deepEqual(await one(talker, 'talk', { label: 'friend' }), { ok: 'talking' });
  const silent = await start();
  return () =>
    check('traffic keeps a MicroVM running where its activity policy says so, silence does not', async () => {
      await until(squib, silent.id, 'SUSPENDED');
      const { items } = await callExtension(squib, 'ListEvents', { resource: silent.id });
      const reasons = items.map(({ detail }) => detail.reason ?? '');
      assert.ok(
        reasons.some((reason) => /less than 10 bytes\/s crossed its network card/.test(reason)),
        reasons.join(),
      );
      // Its last request came before the silent one's.
      const { state } = await squib.clients.microvms.send(
        new GetMicrovmCommand({ microvmIdentifier: talker.id }),
      );
      assert.equal(state, 'RUNNING');
      await Promise.all([terminate(talker), terminate(silent)]);
    });
}

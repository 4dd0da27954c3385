import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { caller, openLab } from './lab/lab.ts';

describe('ForkMicrovm', () => {
  test('makes MicroVMs that start from one checkpoint, which goes with the last of them', async (t) => {
    const lab = openLab(t);
    const parent = await lab.microvm();
    const forking = lab.control.fork({ microvmIdentifier: parent, count: 2 }, caller);
    await lab.settle();
    const children = await forking;
    assert.deepEqual(
      children.map(({ state }) => state),
      ['PENDING', 'PENDING'],
    );
    assert.equal(new Set([parent, ...children.map(({ microvmId }) => microvmId)]).size, 3);
    const [one = '', other = ''] = children.map(({ microvmId = '' }) => microvmId);
    assert.deepEqual([await lab.state(one), await lab.state(other)], ['RUNNING', 'RUNNING']);
    const starts = lab.host.calls.filter(({ method }) => method === 'start').slice(-2);
    const points = starts.map(({ order }) => (order as { forkPoint?: string }).forkPoint);
    assert.deepEqual(new Set(points), lab.world.forkPoints);

    await lab.api.TerminateMicrovm({ microvmIdentifier: one }, caller);
    await lab.settle();
    assert.equal(lab.world.forkPoints.size, 1, 'the other one needs it');
    await lab.api.TerminateMicrovm({ microvmIdentifier: other }, caller);
    await lab.settle();
    assert.equal(lab.world.forkPoints.size, 0);
    assert.equal(await lab.state(parent), 'RUNNING');
  });

  test('is refused in other states, beyond the quota, and with a payload that no hook takes', async (t) => {
    const lab = openLab(t, { memoryMiB: 4096 });
    await lab.image('demo'); // without hooks
    const microvmIdentifier = await lab.microvm();
    const fork = (more = {}) => lab.control.fork({ microvmIdentifier, ...more }, caller);
    await assert.rejects(fork({ count: 100 }), { code: 'QuotaExceeded' });
    await assert.rejects(fork({ runHookPayload: 'x' }), { code: 'Validation' });
    await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await assert.rejects(fork(), { code: 'Conflict', message: /is in state: SUSPENDED/ });
    await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await assert.rejects(fork(), { code: 'Validation', message: /has been terminated/ });
    await assert.rejects(lab.control.fork({ microvmIdentifier: 'microvm-nobody' }, caller), {
      code: 'NotFound',
    });
    assert.equal(lab.world.forkPoints.size, 0);
  });
});

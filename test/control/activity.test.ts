import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { caller, imageArn, type Lab, openLab, refusal } from './lab/lab.ts';

const idlePolicy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 600, autoResumeEnabled: true };

/** Lets time pass in steps of a second, in each of which the MicroVM uses so much. */
async function work(lab: Lab, id: string, seconds: number, use: { cpu?: number; bytes?: number }) {
  for (let second = 0; second < seconds; second++) {
    const { cpuSeconds = 0, egressSentBytes = 0 } = lab.host.used.get(id) ?? {};
    lab.host.used.set(id, {
      cpuSeconds: cpuSeconds + (use.cpu ?? 0),
      egressSentBytes: egressSentBytes + (use.bytes ?? 0),
    });
    await lab.clock.advance(1000);
  }
}

describe('activity policies', () => {
  test('without one, neither processor nor network keeps a MicroVM running, and nobody looks', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy });
    assert.deepEqual(lab.control.activity.get(id, caller), {
      resourceIdentifier: id,
      ...{ cpuPercent: 0, egressBytesPerSecond: 0, source: 'CONFIGURATION' },
    });
    const timers = lab.clock.timers;
    await work(lab, id, 62, { cpu: 1, bytes: 1e6 });
    assert.equal(await lab.state(id), 'SUSPENDED');
    assert.equal(timers, 1, 'its own timer only');
  });

  test('processor time above the limit keeps it running, below it does not; the reason says so', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy });
    lab.control.activity.put(id, { cpuPercent: 20 }, caller);
    await work(lab, id, 200, { cpu: 0.25, bytes: 1e6 });
    assert.equal(await lab.state(id), 'RUNNING');
    await work(lab, id, 75, { cpu: 0.15, bytes: 1e6 });
    assert.equal(await lab.state(id), 'SUSPENDED');
    assert.match(
      lab.store.transitions.of('microvm', id).find(({ toState }) => toState === 'SUSPENDING')?.reason ?? '',
      /^No traffic crossed the endpoint for 60 s, and it used less than 20 % of a processor\.$/,
    );
    await lab.api.ResumeMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    lab.control.activity.delete(id, caller);
    await work(lab, id, 62, { cpu: 1 });
    assert.equal(await lab.state(id), 'SUSPENDED', 'the policy is gone');
    assert.equal(lab.clock.timers, 1, 'nobody looks any more');
  });

  test('traffic through the network card counts in both directions; the maximum duration still holds', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy, maximumDurationInSeconds: 300 });
    lab.control.activity.put(id, { egressBytesPerSecond: 1000 }, caller);
    await work(lab, id, 200, { bytes: 1500 });
    assert.equal(await lab.state(id), 'RUNNING');
    await work(lab, id, 110, { bytes: 1500 });
    assert.equal(await lab.state(id), 'TERMINATED');
    assert.equal(lab.store.activityPolicies.get(id), undefined);
  });

  test("an image's policy holds for its MicroVMs but for those with one of their own; a crash and a fork keep them", async (t) => {
    const lab = openLab(t);
    const one = await lab.microvm({ idlePolicy });
    const other = await lab.microvm({ idlePolicy });
    lab.control.activity.put(imageArn('demo'), { cpuPercent: 10 }, caller);
    lab.control.activity.put(other, {}, caller);
    const forking = lab.control.fork({ microvmIdentifier: other }, caller);
    await lab.settle();
    const [{ microvmId: copy = '' } = {}] = await forking;
    assert.equal(lab.control.activity.get(one, caller).source, 'IMAGE');
    assert.equal(lab.control.activity.get(copy, caller).source, 'MICROVM');
    await lab.crash();
    for (let second = 0; second < 90; second++) {
      for (const id of [one, other, copy]) lab.host.used.set(id, { cpuSeconds: second });
      await lab.clock.advance(1000);
    }
    assert.deepEqual(
      [await lab.state(one), await lab.state(other), await lab.state(copy)],
      ['RUNNING', 'SUSPENDED', 'SUSPENDED'],
    );
    for (const id of [one, other, copy]) await lab.api.TerminateMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    await lab.api.DeleteMicrovmImage({ imageIdentifier: imageArn('demo') }, caller);
    await lab.settle();
    assert.deepEqual(lab.store.activityPolicies.all(), []);
  });

  test('a host that cannot look keeps nothing running', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy });
    lab.control.activity.put(id, { cpuPercent: 1 }, caller);
    lab.host.usage = () => Promise.reject(new Error('no /proc'));
    await lab.clock.advance(62_000);
    assert.equal(await lab.state(id), 'SUSPENDED');
    assert.ok(lab.logLines.some((line) => line.includes('microvm.activity')));
  });

  test('what is not there or has ended has none', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm();
    await lab.api.TerminateMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    const put = (resource: string) => () => lab.control.activity.put(resource, { cpuPercent: 1 }, caller);
    assert.throws(put(id), refusal('Validation', /has been terminated/));
    assert.throws(put('microvm-nobody'), refusal('NotFound', /microvm-nobody/));
    assert.throws(put(imageArn('nothing')), refusal('NotFound', /nothing/));
    assert.throws(put('arn:aws:s3:::bucket'), { name: 'ServiceError' });
  });
});

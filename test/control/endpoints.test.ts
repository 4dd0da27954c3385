import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { caller, imageRequest, managedConnector, openLab } from './lab/lab.ts';
import { flush } from './lab/virtual-clock.ts';

const never = new AbortController().signal;
const minutes = 60_000;
const policy = { maxIdleDurationSeconds: 300, suspendedDurationSeconds: 600, autoResumeEnabled: true };
const unavailable = (reason: string) => ({ name: 'EndpointUnavailable', reason });

describe('the directory', () => {
  test('finds a MicroVM by its endpoint under any domain, also after its end', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({
      ingressNetworkConnectors: [managedConnector('HTTP_INGRESS'), managedConnector('SHELL_INGRESS')],
    });
    const { endpoint } = await lab.get(id);
    const expected = { microvmId: id, httpIngress: true, shellIngress: true };
    const { endpoints } = lab.control;
    assert.deepEqual(endpoints.find(endpoint), expected);
    const label = endpoint.slice(0, 36);
    assert.deepEqual(endpoints.find(`${label.toUpperCase()}.lambda-microvm.eu-west-1.on.aws`), expected);
    assert.equal(endpoints.find(`${label}.example.com`), undefined);
    assert.equal(endpoints.find('localhost'), undefined);
    await lab.api.TerminateMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    assert.deepEqual(endpoints.find(endpoint), expected);
    await assert.rejects(endpoints.acquire(id, never), unavailable('terminated'));
    await assert.rejects(endpoints.acquire('microvm-x', never), unavailable('unknown'));
  });

  test('knows which connectors let what in', async (t) => {
    const lab = openLab(t);
    const ingress = async (...names: string[]) => {
      const id = await lab.microvm({ ingressNetworkConnectors: names.map(managedConnector) });
      const { httpIngress, shellIngress } = lab.control.endpoints.find((await lab.get(id)).endpoint)!;
      return [httpIngress, shellIngress];
    };
    assert.deepEqual(await ingress(), [true, false]);
    assert.deepEqual(await ingress('ALL_INGRESS'), [true, false]);
    assert.deepEqual(await ingress('SHELL_INGRESS'), [false, true]);
    assert.deepEqual(await ingress('NO_INGRESS'), [false, false]);
  });
});

describe('acquire', () => {
  test('holds while the MicroVM starts', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    const { microvmId } = await lab.api.RunMicrovm({ imageIdentifier }, caller);
    let ready = false;
    const acquired = lab.control.endpoints.acquire(microvmId, never).then(() => (ready = true));
    await flush();
    assert.equal(ready, false);
    await lab.settle();
    await acquired;
  });

  test('resumes once for any number of callers', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: policy });
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    const callers = Array.from({ length: 20 }, () => lab.control.endpoints.acquire(id, never));
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.settle();
    await Promise.all(callers);
    assert.equal(lab.host.count('resume'), 1);
    assert.equal(await lab.state(id), 'RUNNING');
  });

  test('while SUSPENDING is held, then resumes', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: policy });
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    const acquired = lab.control.endpoints.acquire(id, never);
    await lab.settle();
    await acquired;
    const states = lab.store.transitions.of('microvm', id).map(({ toState }) => toState);
    assert.deepEqual(states.slice(2), ['SUSPENDING', 'SUSPENDED', 'RESUMING', 'RUNNING']);
  });

  test('says why it cannot', async (t) => {
    const lab = openLab(t);
    const { endpoints } = lab.control;
    const plain = await lab.microvm();
    await lab.api.SuspendMicrovm({ microvmIdentifier: plain }, caller);
    await assert.rejects(endpoints.acquire(plain, never), unavailable('suspended'));
    await lab.settle();
    await assert.rejects(endpoints.acquire(plain, never), unavailable('suspended'));

    const id = await lab.microvm({ idlePolicy: policy });
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    lab.host.course = () => ({ before: 1, after: 1, fault: 'error' });
    const first = assert.rejects(endpoints.acquire(id, never), unavailable('resumeFailed'));
    lab.host.course = (method) => ({ before: 1, after: 1, ...(method === 'resume' && { fault: 'error' }) });
    await lab.settle();
    await first;
    assert.equal(await lab.state(id), 'SUSPENDED');
    lab.host.course = (method) => ({ before: 1, after: 1, ...(method === 'resume' && { fault: 'failed' }) });
    const second = assert.rejects(endpoints.acquire(id, never), unavailable('resumeFailed'));
    await lab.settle();
    await second;
    assert.equal(await lab.state(id), 'TERMINATED');

    lab.host.course = (method) => ({ before: 1, after: 1, ...(method === 'start' && { fault: 'failed' }) });
    const imageIdentifier = (await lab.get(id)).imageArn;
    const { microvmId } = await lab.api.RunMicrovm({ imageIdentifier }, caller);
    const third = assert.rejects(endpoints.acquire(microvmId, never), unavailable('startFailed'));
    await lab.settle();
    await third;
  });

  test('lets a caller give up and the others go on', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: policy });
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    const impatient = new AbortController();
    const first = lab.control.endpoints.acquire(id, impatient.signal);
    const second = lab.control.endpoints.acquire(id, never);
    impatient.abort(new Error('client left'));
    await assert.rejects(first, { message: 'client left' });
    await lab.settle();
    await second;
  });

  test('a terminate turns waiting callers away', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: policy });
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.settle();
    const held = assert.rejects(lab.control.endpoints.acquire(id, never), unavailable('terminated'));
    await lab.api.TerminateMicrovm({ microvmIdentifier: id }, caller);
    await held;
  });
});

test('onEnd tells when connections are lost: at SUSPENDED, at the end, not before', async (t) => {
  const lab = openLab(t);
  const id = await lab.microvm();
  const heard: string[] = [];
  lab.control.endpoints.onEnd(id, () => heard.push('first'));
  lab.control.endpoints.onEnd(id, () => heard.push('unregistered'))();
  lab.control.endpoints.onSuspending(id, () => heard.push('suspending'));
  await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
  assert.deepEqual(heard, ['suspending'], 'what nobody uses may be closed before');
  await lab.settle();
  assert.deepEqual(heard, ['suspending', 'first']);
  await lab.api.ResumeMicrovm({ microvmIdentifier: id }, caller);
  await lab.settle();
  lab.control.endpoints.onEnd(id, () => heard.push('second'));
  lab.host.exit(id);
  assert.deepEqual(heard, ['suspending', 'first', 'second']);
});

describe('time', () => {
  test('the worked timeline of the specification', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: policy });
    await lab.clock.advance(99_000);
    lab.control.endpoints.touch(id);
    await lab.clock.advance(299_000);
    assert.equal(await lab.state(id), 'RUNNING');
    await lab.clock.advance(2000);
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.clock.advance(200_000);
    const held = lab.control.endpoints.acquire(id, never);
    await lab.settle();
    await held;
    assert.equal(await lab.state(id), 'RUNNING');
    await lab.clock.advance(301_000);
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.clock.advance(598_000);
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.clock.advance(3000);
    const { state, stateReason } = await lab.get(id);
    assert.deepEqual([state, stateReason], ['TERMINATED', 'Success.']);
  });

  test('activity keeps a MicroVM running with one timer; calls to the API are none', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: { ...policy, maxIdleDurationSeconds: 60 } });
    const timers = lab.clock.timers;
    for (let n = 0; n < 16; n++) {
      await lab.clock.advance(20_000);
      for (let byte = 0; byte < 100; byte++) lab.control.endpoints.touch(id);
      assert.equal(lab.clock.timers, timers);
    }
    assert.equal(await lab.state(id), 'RUNNING');
    for (let n = 0; n < 4; n++) {
      await lab.clock.advance(20_000);
      await lab.get(id);
    }
    assert.equal(await lab.state(id), 'SUSPENDED');
  });

  test('the maximum duration counts running and suspended time', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ maximumDurationInSeconds: 3600 });
    await lab.clock.advance(30 * minutes);
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.clock.advance(29 * minutes);
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.clock.advance(2 * minutes);
    const { state, stateReason } = await lab.get(id);
    assert.deepEqual([state, stateReason], ['TERMINATED', 'Success.']);
    assert.match(lab.store.transitions.of('microvm', id).at(-2)?.reason ?? '', /maximum duration of 3600 s/);
  });

  test('without an idle policy nothing but the maximum duration ends it', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm();
    await lab.clock.advance(60 * minutes);
    assert.equal(await lab.state(id), 'RUNNING');
    await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
    await lab.clock.advance(6 * 60 * minutes);
    assert.equal(await lab.state(id), 'SUSPENDED');
    await lab.clock.advance(61 * minutes);
    assert.equal(await lab.state(id), 'TERMINATED');
  });

  test('no time in SUSPENDED allowed: it is terminated instead', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm({ idlePolicy: { ...policy, suspendedDurationSeconds: 0 } });
    await lab.clock.advance(301_000);
    assert.equal(await lab.state(id), 'TERMINATED');
    assert.equal(lab.host.count('suspend'), 0);
  });

  test('a restart in between moves no deadline but that of idleness', async (t) => {
    const lab = openLab(t);
    const idle = await lab.microvm({ idlePolicy: policy });
    const asleep = await lab.microvm({ idlePolicy: policy });
    const short = await lab.microvm({ maximumDurationInSeconds: 400 });
    await lab.api.SuspendMicrovm({ microvmIdentifier: asleep }, caller);
    await lab.clock.advance(200_000);
    await lab.crash();
    await lab.clock.advance(290_000);
    assert.equal(await lab.state(idle), 'RUNNING');
    assert.equal(await lab.state(short), 'TERMINATED');
    await lab.clock.advance(15_000);
    assert.equal(await lab.state(idle), 'SUSPENDED');
    assert.equal(await lab.state(asleep), 'SUSPENDED');
    await lab.clock.advance(100_000);
    assert.equal(await lab.state(asleep), 'TERMINATED');
  });
});

test('close: waiting callers are turned away, what is under way is recorded, no timer stays', async (t) => {
  const lab = openLab(t);
  const id = await lab.microvm({ idlePolicy: policy });
  await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
  const held = assert.rejects(lab.control.endpoints.acquire(id, never), unavailable('closing'));
  await lab.api.CreateMicrovmImage(imageRequest('late'), caller);
  const closed = lab.control.close();
  await lab.settle();
  await closed;
  await held;
  assert.equal(lab.store.microvms.get(id)?.state, 'SUSPENDED');
  assert.equal(lab.store.builds.inFlight().length, 1);
  await lab.clock.advance(60 * minutes);
  assert.equal(lab.clock.timers, 0);
});

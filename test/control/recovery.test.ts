import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allHooks, caller, imageArn, imageRequest, openLab } from './lab/lab.ts';

describe('a crash', () => {
  test('while a MicroVM starts: it is started again, payload included', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t);
      const imageIdentifier = await lab.image('demo', allHooks);
      const { microvmId } = await lab.api.RunMicrovm({ imageIdentifier, runHookPayload: 'p' }, caller);
      await lab.clock.advance(moment);
      await lab.crash();
      await lab.settle();
      assert.equal(await lab.state(microvmId), 'RUNNING');
      const [start] = lab.host.calls.filter(({ method }) => method === 'start');
      assert.equal((start!.order as { runHookPayload?: string }).runHookPayload, 'p');
    }
  });

  test('while it runs: it is adopted, or ended with a reason when it is gone', async (t) => {
    const lab = openLab(t);
    const stays = await lab.microvm();
    const dies = await lab.microvm();
    await lab.crash(() => lab.world.microvms.delete(dies));
    await lab.settle();
    assert.equal(await lab.state(stays), 'RUNNING');
    assert.equal(lab.store.transitions.of('microvm', stays).length, 2);
    const { state, stateReason } = await lab.get(dies);
    assert.equal(state, 'TERMINATED');
    assert.match(stateReason ?? '', /virtual machine of the MicroVM was gone/);
  });

  test('while it suspends: the suspend is finished', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t);
      const microvmIdentifier = await lab.microvm();
      await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
      await lab.clock.advance(moment);
      await lab.crash();
      await lab.settle();
      assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
    }
  });

  test('while it resumes: the resume is finished', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t);
      const microvmIdentifier = await lab.microvm();
      await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
      await lab.settle();
      await lab.api.ResumeMicrovm({ microvmIdentifier }, caller);
      await lab.clock.advance(moment);
      await lab.crash();
      await lab.settle();
      assert.equal(await lab.state(microvmIdentifier), 'RUNNING');
    }
  });

  test('while it is suspended: nothing happens, or it ends when its files are gone', async (t) => {
    const lab = openLab(t);
    const stays = await lab.microvm();
    const lost = await lab.microvm();
    for (const microvmIdentifier of [stays, lost])
      await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await lab.crash(() => lab.world.microvms.delete(lost));
    await lab.settle();
    assert.equal(await lab.state(stays), 'SUSPENDED');
    assert.match((await lab.get(lost)).stateReason ?? '', /saved state of the MicroVM was gone/);
  });

  test('while it is terminated: it is terminated', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t);
      const microvmIdentifier = await lab.microvm();
      await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
      await lab.clock.advance(moment);
      await lab.crash();
      await lab.settle();
      const { state, stateReason } = await lab.get(microvmIdentifier);
      assert.deepEqual([state, stateReason], ['TERMINATED', 'Success.']);
      assert.equal(lab.world.microvms.size, 0);
    }
  });

  test('while an image is built: the build begins again under a new id', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t, { buildsAtOnce: 1 });
      await lab.api.CreateMicrovmImage(imageRequest('a'), caller);
      await lab.api.CreateMicrovmImage(imageRequest('b'), caller);
      await lab.clock.advance(moment);
      const before = lab.store.builds.inFlight().map(({ microvmId }) => microvmId);
      await lab.crash();
      const after = lab.store.builds.inFlight().map(({ microvmId }) => microvmId);
      assert.notEqual(after[0], before[0]);
      assert.equal(after[1], before[1]);
      await lab.settle();
      for (const name of ['a', 'b']) {
        const image = await lab.api.GetMicrovmImage({ imageIdentifier: imageArn(name) }, caller);
        assert.equal(image.state, 'CREATED');
      }
    }
  });

  test('while an image or a version is deleted: it is gone', async (t) => {
    for (const moment of [0, 5, 15]) {
      const lab = openLab(t);
      const imageIdentifier = await lab.image('demo');
      await lab.api.UpdateMicrovmImage({ ...imageRequest('demo'), imageIdentifier }, caller);
      await lab.image('other');
      await lab.api.DeleteMicrovmImageVersion({ imageIdentifier, imageVersion: '1.0' }, caller);
      await lab.api.DeleteMicrovmImage({ imageIdentifier: imageArn('other') }, caller);
      await lab.clock.advance(moment);
      await lab.crash();
      await lab.settle();
      assert.deepEqual([...lab.world.versions], ['demo/2.0']);
      const { items } = await lab.api.ListMicrovmImages({}, caller);
      assert.deepEqual(
        items.map(({ name, state }) => `${name} ${state}`),
        ['demo UPDATED'],
      );
    }
  });

  test('leaves nothing on the host that nobody knows', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm();
    await lab.crash(() => {
      lab.world.microvms.set('microvm-stray', 'running');
      lab.world.versions.add('stray/1.0');
    });
    assert.deepEqual([...lab.world.microvms.keys()], [id]);
    assert.deepEqual([...lab.world.versions], ['demo/1.0']);
  });

  test('and a host that cannot look at once: squib starts, and asks again', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm();
    lab.host.course = (method) => ({ before: 1, after: 1, ...(method === 'inspect' && { fault: 'error' }) });
    await lab.crash(() => lab.world.microvms.delete(id));
    assert.equal(await lab.state(id), 'RUNNING');
    lab.host.course = () => ({ before: 1, after: 1 });
    await lab.clock.advance(10_000);
    assert.equal(await lab.state(id), 'TERMINATED');
  });
});

test('a store that cannot write for a while: callers are told, and what the host did is recorded later', async (t) => {
  const lab = openLab(t);
  const microvmIdentifier = await lab.microvm();
  await lab.image('other');
  lab.storeFails = () => true;
  await assert.rejects(lab.api.SuspendMicrovm({ microvmIdentifier }, caller), /disk is full/);
  await assert.rejects(lab.api.RunMicrovm({ imageIdentifier: imageArn('demo') }, caller), /disk is full/);
  assert.equal(await lab.state(microvmIdentifier), 'RUNNING');
  lab.storeFails = () => false;
  await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
  await lab.api.CreateMicrovmImage(imageRequest('late'), caller);
  await lab.api.DeleteMicrovmImage({ imageIdentifier: imageArn('other') }, caller);
  await lab.clock.advance(15);
  lab.storeFails = () => true;
  await lab.clock.advance(20_000);
  assert.equal(await lab.state(microvmIdentifier), 'SUSPENDING');
  assert.equal(lab.world.microvms.get(microvmIdentifier), 'suspended');
  lab.storeFails = () => false;
  await lab.clock.advance(120_000);
  assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
  const { items } = await lab.api.ListMicrovmImages({}, caller);
  assert.deepEqual(
    items.map(({ name, state }) => `${name} ${state}`),
    ['late CREATED', 'demo CREATED'],
  );
});

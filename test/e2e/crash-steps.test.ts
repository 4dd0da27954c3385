import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { assertConsistent, openFiles } from '../support/consistency.ts';
import { createImage, imageSettled, probeHooks, probeZip, put } from '../support/images.ts';
import { askResume, askSuspend, askTerminate, crash, suspend, terminate } from '../support/lifecycle.ts';
import { get, launch, run, type TestMicrovm, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';

/** kill -9 at the very moment at which each step of an action can be seen, in the log or in the files. */
describe('kill -9 of the daemon after each recorded step', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    ({ squib, image } = await startWithProbe());
  });
  after(() => squib?.remove());

  /** Crashes squib as soon as `seen` is true; between looks, `pause`. */
  async function crashAt(
    step: string,
    seen: () => boolean,
    pause: () => Promise<unknown> = turn,
  ): Promise<void> {
    const end = Date.now() + 300_000;
    while (!seen()) {
      assert.ok(Date.now() < end, `${step} was never seen`);
      await pause();
    }
    await crash(squib);
  }

  /** True once the log has, from now on, a line in which a MicroVM goes to a state. */
  function reaches(id: () => string, state: string): () => boolean {
    const from = squib.log.length;
    return () =>
      squib.log
        .slice(from)
        .split('\n')
        .some((line) => line.includes(`"to":"${state}"`) && line.includes(id()));
  }

  const file = (microvm: TestMicrovm, name: string) => join(squib.layout.microvm(microvm.id), name);
  const has = (microvm: TestMicrovm, name: string) => existsSync(file(microvm, name));
  type Steps = Record<string, (microvm: TestMicrovm) => () => boolean>;

  test('of run: it ends RUNNING and answers', async () => {
    const steps: Steps = {
      recorded: () => () => true,
      'its folder is there': (microvm) => () => has(microvm, ''),
      'its disk is there': (microvm) => () => has(microvm, 'disk.qcow2'),
      'its machine is described': (microvm) => () => has(microvm, 'machine.json'),
      'its process runs': (microvm) => () => has(microvm, 'pid'),
      RUNNING: ({ id }) => reaches(() => id, 'RUNNING'),
    };
    for (const [step, seen] of Object.entries(steps)) {
      const microvm = await launch(squib, image);
      const condition = seen(microvm);
      if (step === 'RUNNING' && (await get(squib, microvm.id)).state === 'RUNNING') await crash(squib);
      else await crashAt(step, condition);
      await until(squib, microvm.id, 'RUNNING');
      assert.equal((await microvm.json('/')).count, 1, step);
      await terminate(squib, microvm.id);
    }
    await assertConsistent(squib);
  });

  test('of suspend: nothing that was counted is lost', async () => {
    const steps: Steps = {
      SUSPENDING: ({ id }) => reaches(() => id, 'SUSPENDING'),
      'the new folder is there': (microvm) => () => has(microvm, 'suspended.new'),
      'pages are written': (microvm) => () => has(microvm, 'suspended.new/pages'),
      'the manifest is written': (microvm) => () =>
        has(microvm, 'suspended.new/manifest.json') || has(microvm, 'suspended'),
      'renamed into place': (microvm) => () => has(microvm, 'suspended'),
      SUSPENDED: ({ id }) => reaches(() => id, 'SUSPENDED'),
    };
    const microvm = await run(squib, image);
    let count = 0;
    for (const [step, seen] of Object.entries(steps)) {
      assert.equal((await microvm.json('/')).count, ++count);
      const condition = seen(microvm);
      await askSuspend(squib, microvm.id);
      await crashAt(step, condition);
      assert.equal((await microvm.json('/')).count, ++count, step);
    }
    await terminate(squib, microvm.id);
    await assertConsistent(squib);
  });

  test('of resume: nothing that was counted is lost, the hook is called', async () => {
    const pidOf = (microvm: TestMicrovm) => {
      try {
        return readFileSync(file(microvm, 'pid'), 'utf8');
      } catch {
        return '';
      }
    };
    const steps: Steps = {
      RESUMING: ({ id }) => reaches(() => id, 'RESUMING'),
      'a process is there': (microvm) => {
        const before = pidOf(microvm);
        return () => pidOf(microvm) !== before && pidOf(microvm) !== '';
      },
      'the machine is loaded': (microvm) => () => has(microvm, 'resuming'),
      'what was saved is given up': (microvm) => () => !has(microvm, 'suspended'),
      RUNNING: ({ id }) => reaches(() => id, 'RUNNING'),
    };
    const microvm = await run(squib, image);
    let count = 0;
    for (const [step, seen] of Object.entries(steps)) {
      assert.equal((await microvm.json('/')).count, ++count);
      await suspend(squib, microvm.id);
      const condition = seen(microvm);
      askResume(squib, microvm.id).catch(() => {}); // the daemon may die while it answers
      await crashAt(step, condition);
      assert.equal((await microvm.json('/')).count, ++count, step);
      const hooks = (await microvm.json('/state')).hooks as string[];
      assert.equal(hooks.at(-1), 'resume', step);
    }
    await terminate(squib, microvm.id);
    await assertConsistent(squib);
  });

  test('of terminate: it ends TERMINATED and nothing is left', async () => {
    const steps: Steps = {
      TERMINATING: ({ id }) => reaches(() => id, 'TERMINATING'),
      'its folder is gone': (microvm) => () => !has(microvm, ''),
      TERMINATED: ({ id }) => reaches(() => id, 'TERMINATED'),
    };
    for (const [step, seen] of Object.entries(steps)) {
      const microvm = await run(squib, image);
      const condition = seen(microvm);
      await askTerminate(squib, microvm.id);
      await crashAt(step, condition);
      const { stateReason } = await until(squib, microvm.id, 'TERMINATED');
      assert.equal(stateReason, 'Success.', step);
    }
    await assertConsistent(squib);
  });

  test('of build: the acknowledged build is finished, nothing of the first attempts is left', async () => {
    const uri = await put(squib, 'probe.zip', await probeZip());
    const arn = await createImage(squib, 'steps', uri, { hooks: probeHooks });
    const scratch = (name: string) => () => {
      const [build = '-'] = existsSync(squib.layout.builds) ? readdirSync(squib.layout.builds) : [];
      return existsSync(join(squib.layout.builds, build, name));
    };
    // These stay for a while, and a build needs the processor that looking without a pause would take.
    const pause = () => sleep(1);
    await crashAt('the artifact is fetched', scratch('artifact.zip'), pause);
    await crashAt('the container is built', scratch('work'), pause);
    await crashAt('the root filesystem is there', scratch('version/rootfs.ext4'), pause);
    await crashAt('its virtual machine boots', scratch('vm/machine.json'), pause);
    await crashAt('memory is saved', scratch('version/memory'), pause);
    const { state, reason } = await imageSettled(squib, arn);
    assert.equal(state, 'CREATED', reason);
    assert.deepEqual(readdirSync(squib.layout.builds), []);
    const microvm = await run(squib, arn);
    assert.equal((await microvm.json('/')).count, 1);
    await terminate(squib, microvm.id);
    await assertConsistent(squib);
    assert.ok(openFiles(squib.pid) < 100);
  });
});

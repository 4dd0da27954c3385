import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allHooks, baseArn, caller, imageArn, managedConnector, openLab, refusal } from './lab/lab.ts';

describe('RunMicrovm', () => {
  test('answers PENDING with defaults, then RUNNING', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    const startedAt = new Date(lab.clock.now());
    const { microvmId, endpoint, ...rest } = await lab.api.RunMicrovm({ imageIdentifier }, caller);
    assert.match(microvmId, /^microvm-[0-9a-f-]{36}$/);
    assert.match(endpoint, /^[0-9a-f-]{36}\.lambda-microvm\.eu-west-1\.localhost:8443$/);
    assert.notEqual(endpoint.slice(0, 36), microvmId.slice(-36));
    assert.deepEqual(
      { ...rest },
      {
        state: 'PENDING',
        imageArn: imageIdentifier,
        imageVersion: '1.0',
        executionRoleArn: undefined,
        idlePolicy: undefined,
        maximumDurationInSeconds: 28_800,
        startedAt,
        terminatedAt: undefined,
        stateReason: undefined,
        ingressNetworkConnectors: [managedConnector('HTTP_INGRESS')],
        egressNetworkConnectors: [managedConnector('INTERNET_EGRESS')],
      },
    );
    await lab.settle();
    assert.deepEqual(await lab.get(microvmId), { microvmId, endpoint, ...rest, state: 'RUNNING' });
    assert.equal(lab.world.microvms.get(microvmId), 'running');
  });

  test('hands the host a complete order and keeps the payload only until it runs', async (t) => {
    const lab = openLab(t);
    const executionRoleArn = 'arn:aws:iam::111111111111:role/run';
    const id = await lab.microvm({
      runHookPayload: 'secret',
      executionRoleArn,
      logging: { cloudWatch: { logGroup: '/g', logStream: 's' } },
    });
    const call = lab.host.calls.find(({ method }) => method === 'start');
    const { endpoint, startedAt, ...order } = call!.order as unknown as Record<string, unknown>;
    assert.match(String(endpoint), /^[0-9a-f-]{36}\.lambda-microvm\.eu-west-1\.localhost$/);
    assert.equal(startedAt, (await lab.get(id)).startedAt.getTime());
    assert.deepEqual(order, {
      microvmId: id,
      imageArn: imageArn('demo'),
      imageName: 'demo',
      imageVersion: '1.0',
      hooks: {
        port: 9000,
        ready: { timeoutSeconds: 60 },
        run: { timeoutSeconds: 5 },
        resume: { timeoutSeconds: 1 },
        suspend: { timeoutSeconds: 1 },
      },
      logging: { kind: 'cloudWatch', logGroup: '/g', logStream: 's' },
      egress: { internet: true, vpcs: [] },
      executionRoleArn,
      runHookPayload: 'secret',
    });
    assert.equal(lab.store.microvms.get(id)?.runHookPayload, null);
    assert.equal(
      lab.logLines.some((line) => line.includes('secret')),
      false,
    );
  });

  test('refuses what cannot be run', async (t) => {
    const lab = openLab(t);
    const run = (more: object, imageIdentifier = imageArn('demo')) =>
      lab.api.RunMicrovm({ imageIdentifier, ...more }, caller);
    const none = (arn: string) => refusal('NotFound', `No active version found for MicroVM image ${arn}`);
    await assert.rejects(run({}), none(imageArn('demo')));
    await assert.rejects(run({}, baseArn), none(baseArn));
    await assert.rejects(run({}, 'demo'), refusal('Validation', "Malformed ARN - doesn't start with 'arn:'"));
    await lab.image();
    await assert.rejects(
      run({ imageVersion: '7.0' }),
      refusal('NotFound', `No active version found for MicroVM image ${imageArn('demo')} and version 7.0`),
    );
    await assert.rejects(
      run({ runHookPayload: 'x' }),
      refusal('Validation', 'The run hook must be enabled in the MicroVM image to pass the run hook payload'),
    );
    const idlePolicy = {
      maxIdleDurationSeconds: 28_801,
      suspendedDurationSeconds: 0,
      autoResumeEnabled: true,
    };
    await assert.rejects(run({ idlePolicy }), refusal('Validation', /28800/));
    const connectors = (egressNetworkConnectors: string[]) => run({ egressNetworkConnectors });
    await assert.rejects(connectors(['INTERNET']), refusal('Validation', 'Malformed network connector ARN'));
    await assert.rejects(
      connectors([managedConnector('NO_EGRESS')]),
      refusal('Validation', `Unrecognized managed network connector ARN: ${managedConnector('NO_EGRESS')}`),
    );
    await assert.rejects(
      connectors([managedConnector('HTTP_INGRESS')]),
      refusal('Validation', /egress traffic/),
    );
    const custom = 'arn:aws:lambda:eu-west-1:111111111111:network-connector:nc-1';
    await assert.rejects(
      connectors([custom]),
      refusal('NotFound', `Network connector not found for: ${custom}`),
    );
    assert.deepEqual((await lab.api.ListMicrovms({}, caller)).items, []);
  });

  test('an empty connector list counts as none, and ALL_INGRESS may be mixed', async (t) => {
    const lab = openLab(t);
    const mixed = [managedConnector('ALL_INGRESS'), managedConnector('SHELL_INGRESS')];
    const id = await lab.microvm({ egressNetworkConnectors: [], ingressNetworkConnectors: mixed });
    const { egressNetworkConnectors, ingressNetworkConnectors } = await lab.get(id);
    assert.deepEqual(egressNetworkConnectors, [managedConnector('INTERNET_EGRESS')]);
    assert.deepEqual(ingressNetworkConnectors, mixed);
  });

  test('memory of running and suspended MicroVMs is limited; an end frees it at once', async (t) => {
    const lab = openLab(t, { memoryMiB: 4096 });
    const first = await lab.microvm();
    const second = await lab.microvm();
    await lab.api.SuspendMicrovm({ microvmIdentifier: second }, caller);
    await lab.settle();
    const full = refusal(
      'QuotaExceeded',
      'The base maximum allocated memory limit has been reached for this account.',
    );
    await assert.rejects(lab.microvm(), full);
    await lab.api.TerminateMicrovm({ microvmIdentifier: first }, caller);
    await lab.microvm();
  });

  test('a run hook that fails ends the MicroVM with its sentence', async (t) => {
    const lab = openLab(t);
    await lab.image();
    lab.host.course = (method) => ({ before: 5, after: 5, ...(method === 'start' && { fault: 'failed' }) });
    const microvm = await lab.get(await lab.microvm());
    assert.equal(microvm.state, 'TERMINATED');
    assert.match(microvm.stateReason ?? '', /^Run lifecycle hook returned HTTP status 500\./);
    assert.ok(microvm.terminatedAt);
  });
});

describe('Suspend, Resume and Terminate', () => {
  test('go round and end with "Success."', async (t) => {
    const lab = openLab(t);
    const microvmIdentifier = await lab.microvm();
    const named = { microvmIdentifier };
    assert.deepEqual(await lab.api.SuspendMicrovm(named, caller), {});
    assert.equal(await lab.state(microvmIdentifier), 'SUSPENDING');
    await lab.api.SuspendMicrovm(named, caller);
    await assert.rejects(
      lab.api.ResumeMicrovm(named, caller),
      refusal('Conflict', `The MicroVM ${microvmIdentifier} is in state: SUSPENDING`),
    );
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
    await lab.api.SuspendMicrovm(named, caller);
    await lab.api.ResumeMicrovm(named, caller);
    assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
    await lab.api.ResumeMicrovm(named, caller);
    await assert.rejects(lab.api.SuspendMicrovm(named, caller), refusal('Conflict', /RESUMING/));
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'RUNNING');
    await lab.api.ResumeMicrovm(named, caller);
    assert.equal(lab.host.count('resume'), 1);
    await lab.api.TerminateMicrovm(named, caller);
    const ending = await lab.get(microvmIdentifier);
    assert.deepEqual(
      [ending.state, ending.stateReason, ending.terminatedAt],
      ['TERMINATING', undefined, undefined],
    );
    await lab.api.TerminateMicrovm(named, caller);
    await lab.settle();
    const ended = await lab.get(microvmIdentifier);
    assert.deepEqual([ended.state, ended.stateReason], ['TERMINATED', 'Success.']);
    await lab.api.TerminateMicrovm(named, caller);
    const sentence = `The MicroVM ${microvmIdentifier} has been terminated and its state cannot be changed.`;
    await assert.rejects(lab.api.SuspendMicrovm(named, caller), refusal('Validation', sentence));
    await assert.rejects(lab.api.ResumeMicrovm(named, caller), refusal('Validation', sentence));
    const history = lab.store.transitions.of('microvm', microvmIdentifier);
    assert.deepEqual(
      history.map(({ toState }) => toState),
      ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'RESUMING', 'RUNNING', 'TERMINATING', 'TERMINATED'],
    );
    assert.ok(history.every(({ reason }) => /\.$/.test(reason)));
  });

  test('of an unknown MicroVM: 404', async (t) => {
    const lab = openLab(t);
    const named = { microvmIdentifier: 'microvm-x' };
    const missing = refusal('NotFound', 'MicroVM not found: microvm-x');
    await assert.rejects(lab.api.GetMicrovm(named, caller), missing);
    await assert.rejects(lab.api.SuspendMicrovm(named, caller), missing);
    await assert.rejects(lab.api.ResumeMicrovm(named, caller), missing);
    await assert.rejects(lab.api.TerminateMicrovm(named, caller), missing);
  });

  test('PENDING refuses suspend and resume and takes terminate', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    const { microvmId: microvmIdentifier } = await lab.api.RunMicrovm({ imageIdentifier }, caller);
    await assert.rejects(
      lab.api.SuspendMicrovm({ microvmIdentifier }, caller),
      refusal('Conflict', /PENDING/),
    );
    await assert.rejects(
      lab.api.ResumeMicrovm({ microvmIdentifier }, caller),
      refusal('Conflict', /PENDING/),
    );
    await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'TERMINATED');
    assert.equal(lab.world.microvms.size, 0);
  });

  test('a terminate that the host cannot do is tried until it works', async (t) => {
    const lab = openLab(t);
    const microvmIdentifier = await lab.microvm();
    lab.host.course = () => ({ before: 1, after: 1, fault: 'error' });
    await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
    await lab.clock.advance(5000);
    assert.equal(await lab.state(microvmIdentifier), 'TERMINATING');
    lab.host.course = () => ({ before: 1, after: 1 });
    await lab.clock.advance(60_000);
    assert.equal(await lab.state(microvmIdentifier), 'TERMINATED');
  });

  test('a suspend or resume that the host cannot do loses nothing', async (t) => {
    const lab = openLab(t);
    const microvmIdentifier = await lab.microvm();
    const fail = (method: string) =>
      (lab.host.course = (m) => ({ before: 1, after: 1, ...(m === method && { fault: 'error' }) }));
    fail('suspend');
    await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'RUNNING');
    const why = lab.store.transitions.of('microvm', microvmIdentifier).at(-1)?.reason;
    assert.match(why ?? '', /could not be suspended: no space left/);
    fail('resume');
    await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await lab.api.ResumeMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
    fail('none');
    await lab.api.ResumeMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    assert.equal(await lab.state(microvmIdentifier), 'RUNNING');
  });

  test('a suspend or resume hook that fails ends the MicroVM', async (t) => {
    const lab = openLab(t);
    for (const method of ['suspend', 'resume'] as const) {
      const microvmIdentifier = await lab.microvm();
      lab.host.course = (m) => ({ before: 1, after: 1, ...(m === method && { fault: 'failed' }) });
      await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
      await lab.settle();
      if (method === 'resume') await lab.api.ResumeMicrovm({ microvmIdentifier }, caller);
      await lab.settle();
      const { state, stateReason } = await lab.get(microvmIdentifier);
      assert.equal(state, 'TERMINATED');
      assert.match(
        stateReason ?? '',
        new RegExp(`^${method === 'suspend' ? 'Suspend' : 'Resume'} lifecycle hook`),
      );
    }
  });

  test('the end of the main process ends the MicroVM with its exit code', async (t) => {
    const lab = openLab(t);
    const id = await lab.microvm();
    lab.host.exit(id, 124);
    await lab.settle();
    const { state, stateReason } = await lab.get(id);
    assert.deepEqual([state, stateReason], ['TERMINATED', 'Container Stopped with Exit Code: 124']);
  });
});

describe('client tokens', () => {
  test('the same request gets the same answer and nothing happens twice', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image('demo', allHooks);
    const request = { imageIdentifier, clientToken: 't1', runHookPayload: 'p' };
    const first = await lab.api.RunMicrovm(request, caller);
    await lab.settle();
    const second = await lab.api.RunMicrovm({ ...request }, caller);
    assert.deepEqual(second, first);
    assert.equal(second.state, 'PENDING');
    assert.ok(second.startedAt instanceof Date);
    assert.equal(lab.host.count('start'), 1);
    await assert.rejects(
      lab.api.RunMicrovm({ ...request, runHookPayload: 'q' }, caller),
      refusal('Conflict', /t1/),
    );
    const elsewhere = { ...caller, region: 'us-east-1' };
    await assert.rejects(lab.api.RunMicrovm(request, elsewhere), refusal('NotFound', /No active/));
  });

  test('the same request many times at once is one request', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image('demo', allHooks);
    const request = { imageIdentifier, clientToken: 'at-once', runHookPayload: 'p' };
    const run = (payload = 'p') => lab.api.RunMicrovm({ ...request, runHookPayload: payload }, caller);
    const answers = await Promise.all(Array.from({ length: 20 }, () => run()));
    assert.equal(new Set(answers.map(({ microvmId }) => microvmId)).size, 1);
    const mixed = await Promise.allSettled([run('q'), run(), run('r')]);
    assert.deepEqual(
      mixed.map(({ status }) => status),
      ['rejected', 'fulfilled', 'rejected'],
    );
    await lab.settle();
    assert.equal(lab.host.count('start'), 1);
    assert.equal((await lab.api.ListMicrovms({}, caller)).items.length, 1);
  });

  test('a request that was refused may be repeated, and a token survives a crash and the image', async (t) => {
    const lab = openLab(t);
    const request = { imageIdentifier: imageArn('demo'), clientToken: 't1' };
    await assert.rejects(lab.api.RunMicrovm(request, caller));
    const create = { ...allHooks, clientToken: 'c1' };
    await lab.image('demo', create);
    await lab.api.DeleteMicrovmImage({ imageIdentifier: request.imageIdentifier }, caller);
    await lab.settle();
    await lab.crash();
    await lab.image('demo', create);
    assert.equal(lab.host.count('build'), 0);
    assert.deepEqual((await lab.api.ListMicrovmImages({}, caller)).items, []);
    await lab.image('demo');
    assert.ok(await lab.api.RunMicrovm(request, caller));
  });
});

describe('lists', () => {
  test('are paged newest first, filtered after paging, and tokens are checked', async (t) => {
    const lab = openLab(t);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift(await lab.microvm());
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await lab.api.ListMicrovms({ maxResults: 2, ...(nextToken && { nextToken }) }, caller);
      seen.push(...page.items.map(({ microvmId }) => microvmId));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    assert.deepEqual(seen, ids);
    const other = await lab.api.ListMicrovms({ maxResults: 2, imageIdentifier: imageArn('other') }, caller);
    assert.deepEqual(other.items, []);
    assert.ok(other.nextToken);
    assert.match(other.nextToken, /^[A-Za-z0-9_-]+$/);
    await assert.rejects(
      lab.api.ListMicrovmImages({ nextToken: other.nextToken }, caller),
      refusal('Validation', /token/),
    );
    await assert.rejects(
      lab.api.ListMicrovms({ nextToken: 'garbage' }, caller),
      refusal('Validation', /token/),
    );
    await assert.rejects(
      lab.api.ListMicrovms({ imageIdentifier: 'demo' }, caller),
      refusal('Validation', 'Invalid ARN format: demo'),
    );
    const [item] = (
      await lab.api.ListMicrovms({ imageIdentifier: imageArn('demo'), imageVersion: '1' }, caller)
    ).items;
    assert.deepEqual(Object.keys(item!).sort(), [
      'imageArn',
      'imageVersion',
      'microvmId',
      'startedAt',
      'state',
    ]);
    await lab.image('other');
    const images = await lab.api.ListMicrovmImages({ nameFilter: 'the', maxResults: 1 }, caller);
    assert.deepEqual(
      images.items.map(({ name }) => name),
      ['other'],
    );
  });

  test('a page costs the same with 10 000 MicroVMs as with 100', async (t) => {
    const lab = openLab(t);
    const { seq: _, ...row } = lab.store.microvms.get(await lab.microvm())!;
    const fill = (from: number, to: number) =>
      lab.store.transaction(() => {
        for (let n = from; n < to; n++) {
          const id = `microvm-${n}`;
          lab.store.microvms.insert({ ...row, id, endpointId: id, state: 'TERMINATED' });
        }
      });
    const page = async () => {
      const samples: number[] = [];
      for (let n = 0; n < 200; n++) {
        const start = performance.now();
        await lab.api.ListMicrovms({ maxResults: 50 }, caller);
        samples.push(performance.now() - start);
      }
      return samples.sort((a, b) => a - b)[100]!;
    };
    fill(0, 100);
    await page();
    const small = await page();
    fill(100, 10_000);
    const large = await page();
    t.diagnostic(`page of 50: ${small.toFixed(3)} ms with 100, ${large.toFixed(3)} ms with 10 000`);
    assert.ok(large < small * 1.5 + 0.2);
  });
});

test('rates are token buckets', async (t) => {
  const lab = openLab(t, { rates: { GetMicrovm: { perSecond: 2, burst: 3 } } });
  const id = await lab.microvm();
  for (let n = 0; n < 3; n++) await lab.get(id);
  await assert.rejects(lab.get(id), refusal('Throttled', 'Rate exceeded'));
  await lab.clock.advance(500);
  await lab.get(id);
  await assert.rejects(lab.get(id), refusal('Throttled', 'Rate exceeded'));
  await lab.api.ListMicrovms({}, caller);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { clientEnvironment } from '../../src/daemon/client-environment.ts';
import { callExtension, crash, suspend, terminate } from '../support/lifecycle.ts';
import { run } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';

const program = fileURLToPath(new URL('../../bin/squib', import.meta.url));
const mib = 1024 ** 2;

describe('what a MicroVM uses of its host', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    ({ squib, image } = await startWithProbe());
  });
  after(() => squib?.remove());

  const usage = (microvmIdentifier: string) => callExtension(squib, 'GetMicrovmUsage', { microvmIdentifier });

  test('processor time, memory and traffic grow with what it does, and outlive suspend, resume and a crash', async () => {
    const microvm = await run(squib, image);
    const first = await usage(microvm.id);
    assert.equal(first.state, 'RUNNING');
    assert.equal(first.imageVersion, '1.0');
    assert.equal(first.vcpus, 1);
    assert.equal(first.memoryBytes, 2048 * mib);
    assert.deepEqual([first.endpointReceivedBytes, first.endpointSentBytes], [0, 0], 'hooks do not count');
    assert.ok(first.cpuSeconds > 0);
    assert.ok(first.residentBytes > first.ownBytes, 'pages of the snapshot are shared');
    assert.ok(first.dirtyBytes! > 0 && first.dirtyBytes! < first.ownBytes);

    await microvm.json('/touch-memory?mib=48');
    const busy = await usage(microvm.id);
    assert.ok(busy.cpuSeconds > first.cpuSeconds);
    assert.ok(
      busy.dirtyBytes! - first.dirtyBytes! >= 48 * mib,
      `${first.dirtyBytes}, then ${busy.dirtyBytes}`,
    );
    assert.ok(busy.ownBytes - first.ownBytes >= 48 * mib);
    assert.ok(busy.endpointReceivedBytes > 50, `${busy.endpointReceivedBytes} bytes of requests`);
    assert.ok(busy.endpointSentBytes > 50, `${busy.endpointSentBytes} bytes of answers`);

    await suspend(squib, microvm.id);
    const asleep = await usage(microvm.id);
    assert.equal(asleep.state, 'SUSPENDED');
    assert.deepEqual([asleep.residentBytes, asleep.ownBytes, asleep.vcpus], [0, 0, undefined]);
    assert.ok(asleep.cpuSeconds >= busy.cpuSeconds);
    assert.ok(asleep.diskBytes > 48 * mib, 'its memory is on disk');
    assert.equal(asleep.endpointSentBytes, busy.endpointSentBytes);

    await crash(squib);
    await microvm.json('/');
    const awake = await usage(microvm.id);
    assert.ok(awake.cpuSeconds > asleep.cpuSeconds);
    assert.ok(awake.endpointSentBytes > asleep.endpointSentBytes);
    assert.ok(awake.dirtyBytes! >= 48 * mib);
    const { items } = await callExtension(squib, 'ListMicrovmUsage', {});
    assert.deepEqual(
      items.map(({ microvmId, state, dirtyBytes }) => ({ microvmId, state, dirtyBytes })),
      [{ microvmId: microvm.id, state: 'RUNNING', dirtyBytes: undefined }],
    );

    // What may keep it from being idle, by the command line as its user.
    const env = { ...process.env, ...clientEnvironment(squib.config, squib.layout) };
    const activity = (...args: string[]) =>
      spawnSync(program, ['activity', ...args], { encoding: 'utf8', env });
    assert.match(
      activity(microvm.id, '--cpu', '5').stdout,
      /endpoint; 5 % of a processor or more\. .*the MicroVM/,
    );
    assert.match(activity(image, '--egress', '10').stdout, /10 bytes\/s or more .*the image/);
    assert.match(activity(microvm.id, '--remove').stdout, /10 bytes\/s or more .*the image/);
    assert.match(activity(microvm.id, '--cpu', 'x').stderr, /--cpu takes a whole number/);
    assert.match(activity('microvm-nobody').stderr, /There is no MicroVM 'microvm-nobody'/);

    await terminate(squib, microvm.id);
    assert.deepEqual((await callExtension(squib, 'ListMicrovmUsage', {})).items, []);
    await assert.rejects(usage(microvm.id), /has been terminated/);
  });
});

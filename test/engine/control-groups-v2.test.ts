// Control groups of version 2, on a kernel that has them: the one of a MicroVM, whatever this host has.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { run, type TestMicrovm } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

const groups = join(import.meta.dirname, '../../src/control-groups');
const app = join(import.meta.dirname, 'control-groups');
let squib: TestSquib;
let microvm: TestMicrovm;

before(async () => {
  squib = await TestSquib.start();
  const files: Record<string, Buffer> = {};
  for (const name of readdirSync(groups))
    files[`src/control-groups/${name}`] = readFileSync(join(groups, name));
  files.Dockerfile = readFileSync(join(app, 'Dockerfile'));
  files['test/engine/control-groups/serve.ts'] = readFileSync(join(app, 'serve.ts'));
  files['package.json'] = Buffer.from('{"type":"module"}');
  const image = await createImage(squib, 'groups', await put(squib, 'groups.zip', await zip(files)), {
    additionalOsCapabilities: ['ALL'],
  });
  const { state, reason } = await imageSettled(squib, image);
  assert.equal(state, 'CREATED', `${reason}\n${state === 'CREATED' ? '' : await buildLog(squib, 'groups')}`);
  microvm = await run(squib, image);
  for (let i = 0; i < 600 && (await microvm.send('/')).status !== 200; i++) await sleep(100);
});
after(() => squib?.remove());

test('limits are set, hold, and are removed', { timeout: 900_000 }, async () => {
  const result = (await microvm.json('/try')) as {
    layout: object;
    device: string;
    usable: object;
    folders: string[];
    set: Record<string, string>;
    busy: { out: string };
    forks: { out: string };
    hog: { signal: string };
    before: boolean;
    after: boolean;
    gone: boolean;
  };
  const everywhere = { version: 2, folder: '/sys/fs/cgroup' };
  assert.deepEqual(result.layout, { cpu: everywhere, memory: everywhere, pids: everywhere, io: everywhere });
  assert.deepEqual(result.usable, { cpu: 2, memory: 2, pids: 2, io: 2 });
  assert.deepEqual(result.folders, ['/sys/fs/cgroup/squib-parent/one']);
  assert.match(result.device, /^\d+:\d+$/);
  assert.deepEqual(result.set, {
    ...{ 'cpu.max': '50000 100000', 'cpu.weight': '200', 'memory.max': `${200 * 1024 ** 2}` },
    ...{ 'memory.oom.group': '1', 'pids.max': '40' },
    'io.max': `${result.device} rbps=${4 * 1024 ** 2} wbps=${4 * 1024 ** 2} riops=max wiops=max`,
  });
  assert.ok(Number(result.busy.out) > 0.1 && Number(result.busy.out) < 0.65, result.busy.out);
  assert.equal(result.forks.out, 'EAGAIN\n');
  assert.equal(result.hog.signal, 'SIGKILL');
  assert.deepEqual([result.before, result.after, result.gone], [false, true, true]);
});

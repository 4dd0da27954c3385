import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crash, fork, suspend, terminate } from '../support/lifecycle.ts';
import { run, type TestMicrovm, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';
import { processesOf } from '../support/squib-processes.ts';

/** What the application drew at the very start of each of its hooks. */
const draws = async (microvm: TestMicrovm) => ((await microvm.json('/state')).draws as string[][]).flat();

/** Fails when two draws have any eight bytes in common. */
function assertNothingShared(drawn: string[]): void {
  const seen = new Set<string>();
  for (const draw of drawn) {
    const bytes = Buffer.from(draw, 'hex');
    for (let at = 0; at + 8 <= bytes.length; at++) {
      const window = bytes.toString('hex', at, at + 8);
      assert.ok(!seen.has(window), `${window} was drawn twice`);
      seen.add(window);
    }
  }
}

const memoryOf = (pid: number) => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(rollup)?.[1]);
  return { shared: kib('Shared_Clean') + kib('Shared_Dirty'), own: kib('Private_Dirty') };
};

describe('MicroVMs forked from a running one, and randomness after every restore', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    ({ squib, image } = await startWithProbe());
  });
  after(() => squib?.remove());

  const forked = async (parent: TestMicrovm, settings: Parameters<typeof fork>[2] = {}) => {
    const children = await fork(squib, parent.id, settings);
    await Promise.all(children.map(({ id }) => until(squib, id, 'RUNNING')));
    return children;
  };

  test('no draw of getrandom is ever repeated: by clones, by forks, or by a resumed MicroVM of its past', async () => {
    const clones = await Promise.all([run(squib, image), run(squib, image)]);
    for (const { id } of clones) await suspend(squib, id);
    for (const clone of clones) assert.equal((await clone.json('/')).count, 1);
    const [parent] = clones as [TestMicrovm, TestMicrovm];
    const children = await forked(parent, { count: 2 });
    const random = await Promise.all(
      [...clones, ...children].map(async (each) => `${(await each.json('/random')).random}`),
    );
    // Memory is inherited and with it what was drawn before the moment of the copy: count that once.
    const drawn = new Set((await Promise.all([...clones, ...children].map(draws))).flat());
    // 2 clones: run, suspend, resume; 2 forks: run; eight draws each; and /ready once.
    assert.equal(drawn.size, 8 * (1 + 2 * 3 + 2));
    assertNothingShared([...drawn, ...random]);
    for (const { id } of [...clones, ...children]) await terminate(squib, id);
  });

  test('have its memory, disk and processes, but ids and lives of their own; it goes on and keeps its connections', async () => {
    const parent = await run(squib, image);
    for (let count = 1; count <= 3; count++) assert.equal((await parent.json('/')).count, count);
    await parent.json('/write?name=/app/note&text=of-the-parent');
    await parent.json('/touch-memory?mib=32');

    const slow = parent.json('/sleep?seconds=1.5');
    const children = await forked(parent, { count: 3, runHookPayload: 'fork-payload' });
    assert.deepEqual(await slow, {}, 'a request that was under way is answered');
    assert.equal(new Set([parent, ...children].flatMap(({ id, endpoint }) => [id, endpoint])).size, 8);
    assert.equal((await parent.json('/')).count, 4);
    for (const child of children) {
      const state = await child.json('/state');
      assert.deepEqual(
        [state.microvm_id, state.payload, state.hooks],
        [child.id, 'fork-payload', ['ready', 'run', 'run']],
      );
      assert.equal((await child.json('/')).count, 4);
      assert.equal((await child.json('/read?name=/app/note')).text, 'of-the-parent');
      await child.json(`/write?name=/app/note&text=${child.id}`);
      assert.ok(Math.abs(Number((await child.json('/time')).time) - Date.now() / 1000) < 1);
    }
    assert.equal((await parent.json('/read?name=/app/note')).text, 'of-the-parent');

    const pausedMs = Number(/"microvm\.forked".*"pausedMs":([\d.]+)/.exec(squib.log)?.[1]);
    console.log(`  the parent stood still for ${pausedMs.toFixed(0)} ms`);
    // Below 100 ms where it has a processor; on a starved machine this only says that it is not the whole copy.
    assert.ok(pausedMs < 5000, `${pausedMs} ms`);
    for (const child of children) {
      const { shared, own } = memoryOf(child.pid());
      assert.ok(shared > own / 4, `shares ${shared} KiB, has ${own} KiB of its own`);
      assert.ok(own < 100_000, `${own} KiB of its own`);
    }

    // Each life goes its own way: suspended, crashed and resumed, forked again, ended.
    const [first, second, third] = children as [TestMicrovm, TestMicrovm, TestMicrovm];
    await terminate(squib, parent.id);
    await suspend(squib, first.id);
    await crash(squib);
    assert.equal((await first.json('/')).count, 5);
    const [grandchild] = (await forked(second)) as [TestMicrovm];
    assert.equal((await grandchild.json('/')).count, 5);
    assert.equal((await grandchild.json('/read?name=/app/note')).text, second.id);
    for (const { id } of [second, third, first, grandchild]) await terminate(squib, id);
  });

  test('are refused with words where there is nothing to fork, and leave nothing behind', async () => {
    const parent = await run(squib, image);
    await suspend(squib, parent.id);
    await assert.rejects(fork(squib, parent.id), /is in state: SUSPENDED/);
    await terminate(squib, parent.id);
    await assert.rejects(fork(squib, parent.id), /has been terminated/);
    await assert.rejects(
      fork(squib, 'microvm-00000000-0000-4000-8000-000000000000'),
      /MicroVM not found|not authorized/,
    );
    // Checkpoints go in the background when the last MicroVM that was made of them has ended.
    const forks = join(squib.config.dataDir, 'forks');
    while (existsSync(forks) && readdirSync(forks).length > 0) await sleep(20);
    assert.deepEqual(readdirSync(squib.layout.microvms), []);
    assert.deepEqual(processesOf(squib.layout.microvms), []);
  });

  test('a crash while forking loses neither the parent nor what was acknowledged, and leaves no checkpoint', async () => {
    const parent = await run(squib, image);
    assert.equal((await parent.json('/')).count, 1);
    for (const delay of [5, 40, 120, 300]) {
      const known = fork(squib, parent.id).catch(() => []);
      await sleep(delay);
      await crash(squib);
      const children = await known;
      for (const child of children) {
        await until(squib, child.id, 'RUNNING');
        await terminate(squib, child.id);
      }
      assert.equal((await parent.json('/')).count, 2 + [5, 40, 120, 300].indexOf(delay));
    }
    await terminate(squib, parent.id);
    await crash(squib);
    for (const child of readdirSync(squib.layout.microvms)) await terminate(squib, child);
    const forks = join(squib.config.dataDir, 'forks');
    while (existsSync(forks) && readdirSync(forks).length > 0) await sleep(20);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertConsistent,
  calm,
  listAll,
  machinesOf,
  openFiles,
  residentKiB,
} from '../support/consistency.ts';
import { askResume, askSuspend, askTerminate, callExtension, crash, fork } from '../support/lifecycle.ts';
import { get, run, type TestMicrovm, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';
import { soak, withoutRates } from './soak.ts';

/** A small repeatable generator (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below;
  };
}

/** What must be true of a MicroVM, whatever happened. */
interface Expected {
  microvm: TestMicrovm;
  /** Answers so far; the next one is one more. */
  count: number;
  text: string;
}

describe('the lifecycle on real machines', () => {
  let squib: TestSquib;
  let image: string;
  before(async () => {
    // Tests ask more often than a client would.
    ({ squib, image } = await startWithProbe({ quotas: withoutRates() }));
  });
  after(() => squib?.remove());

  test('a short soak: 3 MicroVMs, 4 cycles each; nothing is lost and nothing grows', async () => {
    const { cycles } = await soak(squib, image, { microvms: 3, cycles: 12 });
    assert.equal(cycles, 12);
  });

  test('random stories: no acknowledged state is lost, API, processes and files agree, nothing leaks', async (t) => {
    const seed = Number(process.env.SQUIB_SEED ?? 4);
    const random = generator(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random(from.length))]!;
    const living: Expected[] = [];
    const story: string[] = [];
    const tell = (line: string) => story.push(line);

    /** Sends a request, which resumes where needed, and compares what comes back with what is expected. */
    const check = async (each: Expected) => {
      assert.equal((await each.microvm.json('/')).count, ++each.count, story.join('\n'));
      assert.equal((await each.microvm.json('/read?name=/app/note')).text, each.text, story.join('\n'));
    };
    const write = async (each: Expected) => {
      each.text = `text-${Math.floor(random(1e9))}`;
      await each.microvm.json(`/write?name=/app/note&text=${each.text}`);
    };
    const begin = async () => {
      const each = { microvm: await run(squib, image), count: 0, text: '' };
      await write(each);
      living.push(each);
    };
    /** A wish that the state of the moment refuses is no fault. */
    const wish = (asked: Promise<void>) =>
      asked.catch((error) => assert.match(error.name, /Conflict|Validation/, story.join('\n')));

    const acts: Record<string, (each: Expected) => Promise<void>> = {
      request: check,
      write,
      suspend: ({ microvm }) => wish(askSuspend(squib, microvm.id)),
      resume: ({ microvm }) => wish(askResume(squib, microvm.id)),
      async 'suspend and request at once'(each) {
        await wish(askSuspend(squib, each.microvm.id));
        await check(each);
      },
      async fork(each) {
        await check(each); // so that it runs
        const [copy] = (await fork(squib, each.microvm.id)) as [TestMicrovm];
        await until(squib, copy.id, 'RUNNING');
        living.push({ ...each, microvm: copy });
      },
      async 'kill the daemon'() {
        await sleep(random(80));
        await crash(squib);
      },
      async 'kill its QEMU'(each) {
        if ((await calm(squib)).find(({ microvmId }) => microvmId === each.microvm.id)?.state !== 'RUNNING')
          return;
        process.kill(each.microvm.pid(), 'SIGKILL');
        living.splice(living.indexOf(each), 1);
        while ((await get(squib, each.microvm.id)).state !== 'TERMINATED') await sleep(20);
        const { stateReason } = await get(squib, each.microvm.id);
        assert.match(String(stateReason), /^The (virtual machine|guest agent|suspend|resume)/i, stateReason);
      },
      async terminate(each) {
        await askTerminate(squib, each.microvm.id);
        living.splice(living.indexOf(each), 1);
      },
    };

    await begin();
    const files = openFiles(squib.pid);
    const end = Date.now() + 35_000;
    let steps = 0;
    while (Date.now() < end) {
      if (living.length === 0 || (living.length < 3 && random(4) < 1)) {
        tell('run');
        await begin();
        continue;
      }
      const likely = ['request', 'write', 'suspend', 'suspend', 'resume', 'suspend and request at once'];
      const act = random(3) < 2 ? pick(likely) : pick(Object.keys(acts));
      if (act === 'fork' && living.length >= 4) continue;
      const each = pick(living);
      tell(`${act} ${each.microvm.id}`);
      await acts[act]!(each);
      if (++steps % 8 === 0) {
        await assertConsistent(squib);
        // Nobody may have ended whom nobody ended.
        const alive = (await listAll(squib)).filter(({ state }) => state !== 'TERMINATED');
        const names = (all: (string | undefined)[]) => new Set(all);
        assert.deepEqual(
          names(alive.map(({ microvmId }) => microvmId)),
          names(living.map(({ microvm }) => microvm.id)),
          story.join('\n'),
        );
      }
    }
    t.diagnostic(`seed ${seed}: ${steps} steps`);
    const { items } = await callExtension(squib, 'ListEvents', { maxResults: 50 });
    assert.equal(items.length, 50);
    for (const { detail } of items) assert.match(detail.reason, /^\w+ \w+ .+/, 'a reason in words');
    for (const each of living) await check(each);
    for (const { microvm } of living) await askTerminate(squib, microvm.id);
    await assertConsistent(squib);
    assert.deepEqual(machinesOf(squib), []);
    await sleep(500); // connections of the last requests close
    assert.ok(
      openFiles(squib.pid) <= files + 10,
      `${files} open files at first, ${openFiles(squib.pid)} now`,
    );
    assert.ok(residentKiB(squib.pid) < 400_000);
  });
});

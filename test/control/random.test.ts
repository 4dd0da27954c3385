import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointUnavailable } from '../../src/control/endpoints.ts';
import { ServiceError } from '../../src/errors/service-error.ts';
import type { Course } from './lab/faulty-host.ts';
import { caller, imageArn, imageRequest, Lab } from './lab/lab.ts';

/** Repeats a failing run: SQUIB_TEST_SEED=n */
const seeds = process.env.SQUIB_TEST_SEED
  ? [Number(process.env.SQUIB_TEST_SEED)]
  : Array.from({ length: 40 }, (_, n) => n + 1);
const steps = 80;

/** Mulberry32: small, repeatable. */
function randomness(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    chance: (probability: number) => next() < probability,
    below: (limit: number) => Math.floor(next() * limit),
    pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!,
  };
}

/** Which state may follow which, written down apart from the code's own tables. */
const legal: Record<string, Record<string, string[]>> = {
  microvm: {
    null: ['PENDING'],
    PENDING: ['PENDING', 'RUNNING', 'TERMINATING'],
    RUNNING: ['SUSPENDING', 'TERMINATING'],
    SUSPENDING: ['SUSPENDING', 'SUSPENDED', 'RUNNING', 'TERMINATING'],
    SUSPENDED: ['RESUMING', 'TERMINATING'],
    RESUMING: ['RESUMING', 'RUNNING', 'SUSPENDED', 'TERMINATING'],
    TERMINATING: ['TERMINATING', 'TERMINATED'],
    TERMINATED: [],
  },
  image: {
    null: ['CREATING'],
    CREATING: ['CREATED', 'CREATE_FAILED'],
    CREATED: ['UPDATING', 'DELETING'],
    CREATE_FAILED: ['UPDATING', 'DELETING'],
    UPDATING: ['UPDATED', 'UPDATE_FAILED'],
    UPDATED: ['UPDATING', 'DELETING'],
    UPDATE_FAILED: ['UPDATING', 'DELETING'],
    DELETING: ['DELETED', 'DELETE_FAILED'],
    DELETE_FAILED: ['DELETING'],
    DELETED: [],
  },
  build: {
    null: ['PENDING'],
    PENDING: ['IN_PROGRESS'],
    IN_PROGRESS: ['SUCCESSFUL', 'FAILED', 'PENDING'],
  },
};

/** What callers were told, and must find to be true for ever after. */
interface Promised {
  microvms: Set<string>;
  terminated: Set<string>;
  /** Seen as TERMINATED: never anything else again. */
  ended: Map<string, string>;
}

function checkHistory(lab: Lab): void {
  const rows = lab.store.transitions;
  const subjects: [keyof typeof legal & ('microvm' | 'image' | 'build'), string][] = [
    ...lab.store.microvms
      .page(caller.accountId, caller.region, { limit: 10_000 })
      .rows.map(({ id }) => ['microvm', id] as ['microvm', string]),
    ...lab.store.images
      .page(caller.accountId, caller.region, { limit: 100 })
      .rows.map(({ id }) => ['image', id] as ['image', string]),
  ];
  for (const [kind, id] of subjects) {
    let state: string | null = null;
    for (const { fromState, toState, reason } of rows.of(kind, id)) {
      assert.equal(fromState, state, `${kind} ${id}: history has a gap`);
      assert.ok(legal[kind]?.[String(state)]?.includes(toState), `${kind} ${id}: ${state} → ${toState}`);
      assert.ok(reason.length > 3, 'a reason in words');
      state = toState;
    }
    const stored = kind === 'microvm' ? lab.store.microvms.get(id)?.state : lab.store.images.byId(id)?.state;
    assert.equal(stored, state, `${kind} ${id}: state and history differ`);
  }
}

/** Holds at every moment. */
async function checkAlways(lab: Lab, promised: Promised): Promise<void> {
  for (const id of promised.microvms) {
    const seen = await lab.get(id); // 404 would be a lost MicroVM
    const row = lab.store.microvms.get(id)!;
    assert.equal(seen.state, row.state === 'RESUMING' ? 'SUSPENDED' : row.state);
    assert.equal(seen.state === 'TERMINATED', seen.terminatedAt !== undefined);
    if (promised.terminated.has(id)) assert.match(seen.state, /^TERMINAT/);
    const end = promised.ended.get(id);
    if (end !== undefined) assert.equal(JSON.stringify(seen), end, 'an end is final');
    else if (seen.state === 'TERMINATED') promised.ended.set(id, JSON.stringify(seen));
  }
}

/** Holds when nothing is under way and nothing fails: store and host agree. */
async function checkQuiet(lab: Lab, promised: Promised): Promise<void> {
  for (const id of promised.microvms) {
    const { state, stateReason } = await lab.get(id);
    const there = lab.world.microvms.get(id);
    assert.equal(there?.toUpperCase() ?? 'TERMINATED', state, `${id}: API and host differ`);
    if (state === 'TERMINATED') assert.ok(stateReason, 'an end has a reason');
    if (promised.terminated.has(id)) assert.equal(state, 'TERMINATED');
  }
  const { items } = await lab.api.ListMicrovmImages({}, caller);
  for (const { name, state } of items) {
    assert.match(state, /^(CREATED|CREATE_FAILED|UPDATED|UPDATE_FAILED|DELETE_FAILED)$/, name);
    const { items: versions } = await lab.api.ListMicrovmImageVersions(
      { imageIdentifier: imageArn(name) },
      caller,
    );
    for (const version of versions) {
      if (version.status === 'ACTIVE') assert.equal(version.state, 'SUCCESSFUL');
      const built = lab.world.versions.has(`${name}/${version.imageVersion}`);
      if (version.state === 'SUCCESSFUL' && state !== 'DELETE_FAILED')
        assert.ok(built, 'its snapshot is there');
      if (version.state === 'FAILED') assert.ok(version.stateReason);
    }
  }
  assert.equal(lab.store.builds.inFlight().length, 0);
}

/** How often each step is taken, compared with the others. */
const often = Object.entries({
  ...{ create: 3, update: 2, deleteVersion: 3, patch: 2, deleteImage: 1 },
  ...{ run: 10, suspend: 10, resume: 6, terminate: 3, request: 8, exit: 2 },
  ...{ moment: 8, while: 8, long: 3, crash: 2, crashInTheMiddle: 3 },
}).flatMap(([name, times]) => Array.from({ length: times }, () => name));

const diskFull = (error: unknown) => (error as Error).message === 'the disk is full';

async function story(seed: number): Promise<Record<string, number>> {
  const random = randomness(seed);
  const lab = new Lab({ memoryMiB: 24 * 1024, versionsPerImage: 6 });
  const promised: Promised = {
    microvms: new Set(),
    terminated: new Set(),
    ended: new Map(),
  };
  const told: Record<string, number> = {};
  let faults = 0.08;
  lab.host.course = (): Course => {
    const times = { before: random.below(60), after: random.below(60) };
    if (!random.chance(faults)) return times;
    return { ...times, fault: random.chance(0.5) ? 'error' : 'failed' };
  };

  let storeFaults = 0;
  lab.storeFails = () => random.chance(storeFaults);

  const names = ['a', 'b'];
  const anyMicrovm = () => ({ microvmIdentifier: random.pick([...promised.microvms, 'microvm-none']) });
  const anyImage = () => imageArn(random.pick(names));
  const run = async () => {
    const idlePolicy = {
      maxIdleDurationSeconds: 60,
      suspendedDurationSeconds: random.pick([0, 120, 600]),
      autoResumeEnabled: random.chance(0.7),
    };
    const request = {
      imageIdentifier: anyImage(),
      maximumDurationInSeconds: random.pick([300, 28_800]),
      ...(random.chance(0.7) && { idlePolicy }),
    };
    promised.microvms.add((await lab.api.RunMicrovm(request, caller)).microvmId);
  };
  const crash = async () => {
    // A daemon that cannot write at its start does not start.
    const before = storeFaults;
    storeFaults = 0;
    await lab.crash();
    storeFaults = before;
  };
  const acts: Record<string, () => Promise<unknown>> = {
    create: () => lab.api.CreateMicrovmImage(imageRequest(random.pick(names)), caller),
    update: () => lab.api.UpdateMicrovmImage({ ...imageRequest('a'), imageIdentifier: anyImage() }, caller),
    deleteVersion: () => {
      const imageVersion = `${1 + random.below(4)}.0`;
      return lab.api.DeleteMicrovmImageVersion({ imageIdentifier: anyImage(), imageVersion }, caller);
    },
    patch: () => {
      const imageVersion = `${1 + random.below(4)}`;
      const status = random.pick(['ACTIVE', 'ACTIVE', 'INACTIVE'] as const);
      return lab.api.UpdateMicrovmImageVersion({ imageIdentifier: anyImage(), imageVersion, status }, caller);
    },
    deleteImage: () => lab.api.DeleteMicrovmImage({ imageIdentifier: anyImage() }, caller),
    run,
    suspend: () => lab.api.SuspendMicrovm(anyMicrovm(), caller),
    resume: () => lab.api.ResumeMicrovm(anyMicrovm(), caller),
    terminate: async () => {
      const named = anyMicrovm();
      await lab.api.TerminateMicrovm(named, caller);
      promised.terminated.add(named.microvmIdentifier);
    },
    request: async () => {
      const held = lab.control.endpoints.acquire(
        anyMicrovm().microvmIdentifier,
        new AbortController().signal,
      );
      held.catch((error) =>
        assert.ok(error instanceof EndpointUnavailable || diskFull(error), String(error)),
      );
    },
    exit: async () => lab.host.exit(anyMicrovm().microvmIdentifier, random.below(3)),
    moment: () => lab.clock.advance(random.below(80)),
    while: () => lab.clock.advance(random.below(5000)),
    long: () => lab.clock.advance(random.below(200_000)),
    crash,
    crashInTheMiddle: async () => {
      await lab.clock.advance(random.below(80));
      await crash();
    },
  };

  try {
    await acts.create!();
    await lab.clock.advance(200);
    storeFaults = 0.05;
    for (let step = 0; step < steps; step++) {
      const name = random.pick(often);
      try {
        await acts[name]!();
        told[name] = (told[name] ?? 0) + 1;
      } catch (error) {
        if (!(error instanceof ServiceError) && !diskFull(error)) throw error;
      }
      await checkAlways(lab, promised);
    }
    faults = 0;
    storeFaults = 0;
    // Every other story ends without a restart that would heal what a running daemon must not break.
    if (seed % 2 === 0) await lab.crash();
    else await lab.clock.advance(300_000);
    await lab.clock.advance(2000);
    const moving = () =>
      lab.store.microvms.alive().some(({ state }) => /ING$/.test(state) && state !== 'RUNNING');
    for (let patience = 100; moving() && patience > 0; patience--) await lab.clock.advance(50);
    await checkQuiet(lab, promised);
    await checkAlways(lab, promised);
    checkHistory(lab);
    return told;
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  } finally {
    await lab.dispose();
  }
}

test('random stories with faults, time and crashes: nothing acknowledged is lost', async (t) => {
  const told: Record<string, number> = {};
  for (const seed of seeds) {
    for (const [name, count] of Object.entries(await story(seed))) told[name] = (told[name] ?? 0) + count;
  }
  t.diagnostic(`steps that succeeded: ${JSON.stringify(told)}`);
  if (seeds.length > 1)
    assert.ok((told.suspend ?? 0) > 20 && (told.resume ?? 0) > 20, 'stories get somewhere');
});

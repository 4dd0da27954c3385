import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as macrotask } from 'node:timers/promises';
import type { StateChangeEvent } from '../../src/control/events/event.ts';
import { EventFeed } from '../../src/control/events/event-feed.ts';
import { caller, imageArn, type Lab, openLab, refusal } from './lab/lab.ts';

const owner = { accountId: caller.accountId, region: caller.region };
const patience = 60_000;

function feedOf(t: TestContext, lab: Lab): EventFeed {
  const feed = new EventFeed(lab.store.transitions);
  t.after(() => feed.close());
  return feed;
}

/** The next events of a stream. */
async function take(stream: AsyncGenerator<StateChangeEvent | undefined>, count: number) {
  const events: StateChangeEvent[] = [];
  while (events.length < count) {
    const { value, done } = await stream.next();
    if (done) break;
    if (value !== undefined) events.push(value);
  }
  return events;
}

const follow = (feed: EventFeed, since?: string, resource?: string) =>
  feed.follow({ ...owner, resource }, { since, quietMs: patience, signal: new AbortController().signal });

const briefly = ({ 'detail-type': type, detail }: StateChangeEvent) =>
  `${type.replace(/ State Change$/, '')}: ${detail.previousState ?? ''} → ${detail.state}`;

describe('events', () => {
  test('are what EventBridge would send, with the reason in words', async (t) => {
    const lab = openLab(t);
    const microvmId = await lab.microvm();
    const { items } = feedOf(t, lab).list({ ...owner, resource: microvmId }, {});
    assert.deepEqual(items[0], {
      version: '0',
      id: items[0]?.id,
      'detail-type': 'MicroVM State Change',
      source: 'squib',
      account: '111111111111',
      time: items[0]?.time,
      region: 'eu-west-1',
      resources: [imageArn('demo')],
      detail: {
        microvmId,
        imageArn: imageArn('demo'),
        imageVersion: '1.0',
        state: 'RUNNING',
        previousState: 'PENDING',
        status: undefined,
        previousStatus: undefined,
        reason: 'The snapshot was restored and the run hook answered.',
      },
    });
    assert.match(items[0]?.id ?? '', /^\d+$/);
    assert.match(items[0]?.time ?? '', /^2026-11-22T.*Z$/);
    assert.match(items[1]?.detail.reason ?? '', /^RunMicrovm was called by arn:/);
  });

  test('of an image tell its story together with its versions, builds and MicroVMs, also after its end', async (t) => {
    const lab = openLab(t);
    const microvmIdentifier = await lab.microvm();
    await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await lab.api.DeleteMicrovmImage({ imageIdentifier: imageArn('demo') }, caller);
    await lab.settle();
    await lab.image('other');
    const { items } = feedOf(t, lab).list({ ...owner, resource: imageArn('demo') }, {});
    assert.deepEqual(items.reverse().map(briefly), [
      'MicroVM Image:  → CREATING',
      'MicroVM Image Version:  → PENDING',
      'MicroVM Image Build:  → PENDING',
      'MicroVM Image Build: PENDING → IN_PROGRESS',
      'MicroVM Image Version: PENDING → IN_PROGRESS',
      'MicroVM Image Build: IN_PROGRESS → SUCCESSFUL',
      'MicroVM Image Version: IN_PROGRESS → SUCCESSFUL',
      'MicroVM Image: CREATING → CREATED',
      'MicroVM:  → PENDING',
      'MicroVM: PENDING → RUNNING',
      'MicroVM: RUNNING → TERMINATING',
      'MicroVM: TERMINATING → TERMINATED',
      'MicroVM Image: CREATED → DELETING',
      'MicroVM Image: DELETING → DELETED',
    ]);
    const built = items.find(({ detail }) => detail.state === 'SUCCESSFUL' && detail.status !== undefined);
    assert.deepEqual([built?.detail.status, built?.detail.previousStatus], ['ACTIVE', 'INACTIVE']);
  });

  test('come by pages, newest first; each token belongs to its own list', async (t) => {
    const lab = openLab(t);
    await lab.microvm();
    const feed = feedOf(t, lab);
    const ids: number[] = [];
    let nextToken: string | undefined;
    do {
      const page = feed.list(owner, { maxResults: 3, nextToken });
      assert.ok(page.items.length <= 3);
      ids.push(...page.items.map(({ id }) => Number(id)));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => b - a),
    );
    assert.equal(ids.length, lab.store.transitions.newest());
    const token = feed.list(owner, { maxResults: 3 }).nextToken;
    assert.throws(
      () => feed.list({ ...owner, resource: imageArn('demo') }, { nextToken: token }),
      refusal('Validation', /pagination token/),
    );
  });

  test('of another account or region are not seen', async (t) => {
    const lab = openLab(t);
    await lab.microvm();
    const feed = feedOf(t, lab);
    for (const other of [
      { ...owner, accountId: '222222222222' },
      { ...owner, region: 'us-east-1' },
    ]) {
      assert.deepEqual(feed.list(other, {}).items, []);
      const { value } = await feed
        .follow(other, { since: '0', quietMs: 1, signal: new AbortController().signal })
        .next();
      assert.equal(value, undefined);
    }
  });

  test('are streamed as they happen, and a reader goes on after the last one it knows, also over a crash', async (t) => {
    const lab = openLab(t);
    const feed = feedOf(t, lab);
    const now = follow(feed);
    const next = take(now, 3);
    await lab.image();
    assert.deepEqual((await next).map(briefly), [
      'MicroVM Image:  → CREATING',
      'MicroVM Image Version:  → PENDING',
      'MicroVM Image Build:  → PENDING',
    ]);
    const since = (await next).at(-1)?.id ?? '';
    await lab.crash();
    const rest = await take(follow(feedOf(t, lab), since), 5);
    assert.deepEqual(
      rest.map(({ id }) => Number(id)),
      [1, 2, 3, 4, 5].map((n) => Number(since) + n),
    );
    assert.throws(
      () => follow(feedOf(t, lab), '999'),
      refusal('Validation', /no event 999 yet; the newest is \d/),
    );
  });

  test('a change that was not committed is no event', async (t) => {
    const lab = openLab(t);
    const stream = follow(feedOf(t, lab), undefined, imageArn('kept'));
    const next = take(stream, 1);
    lab.storeFails = () => true;
    await assert.rejects(lab.image('lost'), /disk is full/);
    lab.storeFails = () => false;
    await lab.image('kept');
    assert.equal((await next)[0]?.detail.imageArn, imageArn('kept'));
    const { items } = feedOf(t, lab).list({ ...owner, resource: imageArn('lost') }, {});
    assert.deepEqual(items, []);
  });

  test('a slow reader is not read ahead for, and misses nothing', async (t) => {
    const lab = openLab(t);
    await lab.image();
    let read = 0;
    const { transitions } = lab.store;
    const { after } = transitions;
    transitions.after = (filter, seq, limit) => {
      const rows = after.call(transitions, filter, seq, limit);
      read += rows.length;
      return rows;
    };
    const stream = follow(feedOf(t, lab), '0');
    const first = await take(stream, 1);
    for (let n = 0; n < 300; n++) {
      const change = {
        kind: 'image' as const,
        subject: 'x',
        resource: 'x',
        number: null,
        reason: 'Because.',
      };
      const place = { account: caller.accountId, region: caller.region };
      transitions.add({ ...change, ...place, fromState: 'A', toState: 'B', at: n });
    }
    await macrotask();
    assert.ok(read <= 100, `${read} rows were read for a reader that took one`);
    const rest = await take(stream, transitions.newest() - 1);
    assert.deepEqual(
      [...first, ...rest].map(({ id }) => Number(id)),
      Array.from({ length: transitions.newest() }, (_, n) => n + 1),
    );
  });

  test('a quiet stream gives signs of life, and ends with its reader or with squib', async (t) => {
    const lab = openLab(t);
    const feed = feedOf(t, lab);
    const gone = new AbortController();
    const quiet = feed.follow(owner, { quietMs: 1, signal: gone.signal });
    assert.deepEqual(await quiet.next(), { value: undefined, done: false });
    gone.abort();
    assert.equal((await quiet.next()).done, true);
    const waiting = follow(feed).next();
    feed.close();
    assert.equal((await waiting).done, true);
  });
});

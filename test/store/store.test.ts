import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { SquibError } from '../../src/errors/squib-error.ts';
import type { NewMicrovm } from '../../src/store/microvms.ts';
import type { MicrovmState } from '../../src/store/states.ts';
import { openStore } from '../../src/store/store.ts';

function databaseFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'squib-store-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'squib.db');
}

const microvm = (id: string): NewMicrovm => ({
  ...{ id, endpointId: id, account: '1', region: 'r', imageId: 'i', imageArn: 'arn-i', imageName: 'i' },
  ...{ number: 1, memoryMiB: 512, state: 'PENDING', stateSince: 1, stateReason: null },
  ...{ executionRoleArn: null, maxIdleSeconds: null, suspendedSeconds: null, autoResume: null },
  ...{ maximumDurationSeconds: 60, ingress: '[]', egress: '[]', settings: '{}', runHookPayload: null },
  ...{ startedAt: 1, terminatedAt: null },
});
const image = (name: string) => ({
  ...{ id: `id-${name}`, arn: `arn-${name}`, account: '1', region: 'r', name, state: 'CREATED' as const },
  ...{ lastNumber: 1, createdAt: 1, updatedAt: 1 },
});

test('a commit is synced to disk, in a write-ahead log', (t) => {
  const file = databaseFile(t);
  openStore(file).close();
  const db = new DatabaseSync(file);
  assert.equal(db.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal');
  db.close();
});

test('what is stored is there after opening again; opening again migrates nothing', (t) => {
  const file = databaseFile(t);
  const first = openStore(file);
  first.images.insert(image('a'));
  first.tags.put('arn-a', { k: 'v' });
  first.close();
  const second = openStore(file);
  assert.equal(second.images.byArn('arn-a')?.name, 'a');
  assert.deepEqual(second.tags.of('arn-a'), { k: 'v' });
  second.close();
});

test('a newer schema is refused with words', (t) => {
  const file = databaseFile(t);
  openStore(file).close();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 999');
  db.close();
  assert.throws(
    () => openStore(file),
    (error) => error instanceof SquibError && /newer squib/.test(error.message),
  );
});

test('a transaction is all or nothing, and an inner one joins the outer', (t) => {
  const store = openStore(databaseFile(t));
  t.after(() => store.close());
  assert.throws(() =>
    store.transaction(() => {
      store.transaction(() => store.images.insert(image('a')));
      throw new Error('no');
    }),
  );
  assert.equal(store.images.byArn('arn-a'), undefined);
  assert.equal(
    store.transaction(() => {
      store.images.insert(image('b'));
      return store.images.byName('b')?.id;
    }),
    'id-b',
  );
});

test('pages are read by key, newest first', (t) => {
  const store = openStore(databaseFile(t));
  t.after(() => store.close());
  for (const name of ['a', 'b', 'c']) store.images.insert(image(name));
  const first = store.images.page('1', 'r', { limit: 2 });
  assert.deepEqual([first.rows.map(({ name }) => name), first.more], [['c', 'b'], true]);
  const last = store.images.page('1', 'r', { limit: 2, before: first.rows[1]!.seq });
  assert.deepEqual([last.rows.map(({ name }) => name), last.more], [['a'], false]);
  assert.equal(store.images.page('2', 'r', { limit: 2 }).rows.length, 0);
});

test('a MicroVM that is read again is never one that a transaction took back', (t) => {
  const store = openStore(databaseFile(t));
  t.after(() => store.close());
  store.microvms.insert(microvm('m'));
  const change = (state: MicrovmState) =>
    store.microvms.update({
      ...{ id: 'm', state, stateSince: 2, stateReason: null, runHookPayload: null, terminatedAt: null },
    });
  const state = () => store.microvms.get('m')?.state;
  assert.equal(state(), 'PENDING');
  assert.throws(() =>
    store.transaction(() => {
      change('RUNNING');
      assert.equal(state(), 'RUNNING');
      throw new Error('no');
    }),
  );
  assert.equal(state(), 'PENDING');
  store.transaction(() => change('RUNNING'));
  assert.equal(state(), 'RUNNING');
  change('TERMINATED');
  assert.equal(state(), 'TERMINATED');
  assert.throws(() => Object.assign(store.microvms.get('m')!, { state: 'RUNNING' }), TypeError);
});

test('the history can only grow', (t) => {
  const file = databaseFile(t);
  const store = openStore(file);
  const owner = { account: '1', region: 'r', resource: 'arn-a', number: 1 };
  const change = { ...owner, fromState: null, toState: 'PENDING', reason: 'Because.', at: 7 };
  store.transitions.add({ kind: 'microvm', subject: 'm', ...change });
  store.close();
  const db = new DatabaseSync(file);
  assert.throws(() => db.exec("UPDATE transitions SET reason = 'x'"), /append-only/);
  assert.throws(() => db.exec('DELETE FROM transitions'), /append-only/);
  db.close();
});

test('the queries of lists and quotas use an index', (t) => {
  const file = databaseFile(t);
  openStore(file).close();
  const db = new DatabaseSync(file);
  t.after(() => db.close());
  const plan = (sql: string) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[])
      .map(({ detail }) => detail)
      .join('; ');
  const list =
    "SELECT * FROM microvms WHERE account = '1' AND region = 'r' AND seq < 9 ORDER BY seq DESC LIMIT 51";
  assert.match(plan(list), /SEARCH microvms USING INDEX microvmsByOwner/);
  assert.doesNotMatch(plan(list), /TEMP B-TREE/);
  const memory = "SELECT sum(memoryMiB) FROM microvms WHERE state <> 'TERMINATED' AND state <> 'TERMINATING'";
  assert.match(plan(memory), /COVERING INDEX microvmsAlive/);
  const alive = "SELECT count(*) FROM microvms WHERE state <> 'TERMINATED' AND imageId = 'i' AND number = 1";
  assert.match(plan(alive), /COVERING INDEX microvmsAlive/);
  const events = "SELECT * FROM transitions WHERE account = '1' AND region = 'r' AND";
  assert.match(
    plan(`${events} seq > 7 ORDER BY seq LIMIT 9`),
    /^SEARCH transitions USING INTEGER PRIMARY KEY[^;]*$/,
  );
  const ofImage = plan(`${events} resource = 'a' AND seq < 7 ORDER BY seq DESC LIMIT 9`);
  assert.match(ofImage, /^SEARCH transitions USING INDEX transitionsByResource[^;]*$/);
  const ofOne = plan(
    `${events} kind IN ('microvm', 'build') AND subject = 'm' AND seq > 7 ORDER BY seq LIMIT 9`,
  );
  assert.match(ofOne, /^SEARCH transitions USING INDEX transitionsBySubject/);
});

test('history written before events had owners is given them, as far as its subjects are known', (t) => {
  const file = databaseFile(t);
  const db = new DatabaseSync(file);
  const migrations = new URL('../../src/store/migrations/', import.meta.url);
  for (const name of readdirSync(migrations).sort()) {
    if (name < '0006') db.exec(readFileSync(new URL(name, migrations), 'utf8'));
  }
  db.exec(`PRAGMA user_version = 5;
    INSERT INTO images VALUES (1, 'i', 'arn-i', '1', 'r', 'i', 'CREATED', 2, 1, 1);
    INSERT INTO versions VALUES ('i', 2, 'SUCCESSFUL', 'ACTIVE', NULL, 512, '{}', 1, 1);
    INSERT INTO builds (id, imageId, number, microvmId, state, createdAt) VALUES ('b', 'i', 2, 'm', 'SUCCESSFUL', 1);
    INSERT INTO transitions (kind, subject, toState, reason, at) VALUES
      ('image', 'i', 'CREATED', 'a', 1), ('version', 'i/2', 'SUCCESSFUL/ACTIVE', 'b', 1),
      ('build', 'b', 'SUCCESSFUL', 'c', 1), ('build', 'gone', 'FAILED', 'd', 1);`);
  db.close();
  const store = openStore(file);
  const found = store.transitions.page({ account: '1', region: 'r', resource: 'arn-i' }, { limit: 9 });
  const brief = found.rows.map(({ reason, number }) => [reason, number]);
  assert.deepEqual(brief, [
    ['c', 2],
    ['b', 2],
    ['a', null],
  ]);
  assert.equal(store.transitions.of('build', 'gone')[0]?.account, null);
  store.close();
  const again = new DatabaseSync(file);
  assert.throws(() => again.exec("UPDATE transitions SET reason = 'x'"), /append-only/);
  again.close();
});

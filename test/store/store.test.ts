import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { SquibError } from '../../src/errors/squib-error.ts';
import { openStore } from '../../src/store/store.ts';

function databaseFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'squib-store-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'squib.db');
}

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

test('the history can only grow', (t) => {
  const file = databaseFile(t);
  const store = openStore(file);
  const change = { fromState: null, toState: 'PENDING', reason: 'Because.', at: 7 };
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
});

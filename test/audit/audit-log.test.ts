import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AuditLog, type AuditLogOptions } from '../../src/audit/audit-log.ts';
import type { AuditedCall } from '../../src/audit/audited-call.ts';
import { createLog } from '../../src/log/log.ts';

const call = (requestId: string, more: Partial<AuditedCall> = {}): AuditedCall => ({
  ...{ time: 0, requestId, service: 'lambda', operation: 'GetMicrovm', readOnly: true, status: 200 },
  ...{ input: {}, sourceAddress: '127.0.0.1', userAgent: 'test', ...more },
});

function setUp(t: TestContext, options: Partial<AuditLogOptions> = {}) {
  const parent = mkdtempSync(join(tmpdir(), 'audit-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = options.folder ?? join(parent, 'audit');
  const logged: Record<string, unknown>[] = [];
  const log = createLog((line) => logged.push(JSON.parse(line)));
  const common = { folder, log, accountId: '000000000000', region: 'us-east-1' };
  const open = () => new AuditLog({ ...common, imageOfMicrovm: () => undefined, retryMs: 20, ...options });
  return { parent, folder, file: join(folder, 'audit.jsonl'), logged, open };
}

const idsIn = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { requestID: string }).requestID);

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `request-${i}`);

test('lines stand in the order of the calls, in a private file', async (t) => {
  const { folder, file, open, logged } = setUp(t);
  const audit = open();
  const ids = numbered(500);
  for (const id of ids) {
    audit.record(call(id));
    if (id.endsWith('9')) await delay(0);
  }
  await audit.close();
  assert.deepEqual(idsIn(file), ids);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.deepEqual(logged, []);
});

test('a line recorded at any moment is written without waiting for another', async (t) => {
  const { file, open } = setUp(t);
  const audit = open();
  for (let round = 0; round < 30; round++) {
    audit.record(call(`a-${round}`));
    // Between the turns of the event loop in which the writer starts, writes and ends.
    for (let turn = 0; turn < round; turn++) await Promise.resolve();
    await audit.flush();
    assert.equal(idsIn(file).length, round + 1);
  }
  await audit.close();
});

test('a new start goes on behind the last line, a line cut short by a crash does not spoil the next', async (t) => {
  const { file, open } = setUp(t);
  const first = open();
  first.record(call('one'));
  await first.close();
  appendFileSync(file, '{"half');
  const second = open();
  second.record(call('two'));
  await second.close();
  const lines = readFileSync(file, 'utf8').split('\n');
  assert.equal(lines[1], '{"half');
  assert.equal(JSON.parse(lines[2]!).requestID, 'two');
});

test('the file is put aside before it grows too large; the oldest goes', async (t) => {
  const { file, open } = setUp(t, { maxBytes: 2500, keep: 2 });
  const audit = open();
  const ids = numbered(30);
  for (const id of ids) {
    audit.record(call(id));
    await audit.flush();
  }
  await audit.close();
  assert.ok(!existsSync(`${file}.3`));
  const kept = [`${file}.2`, `${file}.1`, file].flatMap((each) => {
    assert.ok(statSync(each).size <= 2500);
    assert.equal(statSync(each).mode & 0o777, 0o600);
    return idsIn(each);
  });
  assert.ok(kept.length >= 6);
  assert.deepEqual(kept, ids.slice(-kept.length));
});

test('a burst is split over files as well', async (t) => {
  const { file, open } = setUp(t, { maxBytes: 2500, keep: 100 });
  const audit = open();
  const ids = numbered(40);
  for (const id of ids) audit.record(call(id));
  await audit.close();
  let written: string[] = idsIn(file);
  for (let number = 1; existsSync(`${file}.${number}`); number++) {
    assert.ok(statSync(`${file}.${number}`).size <= 2500);
    written = [...idsIn(`${file}.${number}`), ...written];
  }
  assert.deepEqual(written, ids);
});

test('a disk that fails is reported once, and nothing is lost while memory lasts', async (t) => {
  const { parent, file, open, logged, folder } = setUp(t);
  // A file where the folder should be: every attempt to write fails.
  writeFileSync(folder, '');
  const audit = open();
  const ids = numbered(50);
  for (const id of ids) {
    audit.record(call(id));
    await delay(1);
  }
  await delay(60);
  assert.deepEqual(
    logged.map(({ event }) => event),
    ['audit-write-failed'],
  );
  rmSync(join(parent, 'audit'));
  await audit.flush();
  await audit.close();
  assert.deepEqual(idsIn(file), ids);
  assert.deepEqual(
    logged.map(({ event }) => event),
    ['audit-write-failed', 'audit-writing-again'],
  );
});

test('memory for waiting lines is bounded, and what is lost is counted', async (t) => {
  const { parent, file, open, logged, folder } = setUp(t, { maxWaiting: 5000 });
  writeFileSync(folder, '');
  const audit = open();
  for (const id of numbered(100)) audit.record(call(id));
  await delay(5);
  rmSync(join(parent, 'audit'));
  await audit.flush();
  await audit.close();
  const written = idsIn(file).length;
  const again = logged.find(({ event }) => event === 'audit-writing-again');
  assert.ok(written > 0 && written < 20);
  assert.equal(again?.lost, 100 - written);
  assert.equal(logged.filter(({ event }) => event === 'audit-lines-lost').length, 1);
});

test('closing does not wait for a disk that stays broken', async (t) => {
  const { open, logged, folder } = setUp(t, { retryMs: 60_000 });
  writeFileSync(folder, '');
  const audit = open();
  audit.record(call('one'));
  await delay(5);
  await audit.close();
  assert.deepEqual(logged.at(-1)?.event, 'audit-lines-lost');
  assert.deepEqual(logged.at(-1)?.count, 1);
});

test('on a full disk the line that did not fit is written whole once there is room', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'audit-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', parent]);
  t.after(() => {
    execFileSync('umount', [parent]);
    rmSync(parent, { recursive: true });
  });
  const { file, open, logged } = setUp(t, { folder: join(parent, 'audit') });
  const ballast = join(parent, 'ballast');
  writeFileSync(ballast, Buffer.alloc(8192));
  const audit = open();
  const ids = numbered(24);
  for (const id of ids) {
    audit.record(call(id));
    await delay(2);
  }
  while (logged.length === 0) await delay(5); // lines are gathered for a moment before they are written
  assert.deepEqual(
    logged.map(({ event }) => event),
    ['audit-write-failed'],
  );
  rmSync(ballast);
  // An attempt that began before there was room may still fail; the one after it succeeds.
  while (idsIn(file).length < ids.length) await delay(5);
  await audit.close();
  assert.deepEqual(idsIn(file), ids);
});

test('what cannot be put into words does not reach the caller', async (t) => {
  const { open, logged } = setUp(t);
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const audit = open();
  audit.record(call('one', { input: circular }));
  await audit.close();
  assert.equal(logged[0]?.event, 'audit-record-failed');
});

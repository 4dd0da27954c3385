import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type AuditQuery, readAudit } from '../../src/audit/read-audit.ts';

const made: string[] = [];
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Long enough that lines lie across the pieces in which a file is read. */
const line = (number: number, more: object = {}) =>
  `${JSON.stringify({
    ...{ eventID: String(number), eventTime: '2026-01-01T00:00:00Z', eventName: `Call${number}` },
    ...{ eventSource: 'lambda.amazonaws.com', sourceIPAddress: '127.0.0.1', readOnly: false },
    ...{ requestParameters: { filler: 'ä'.repeat(400 + (number % 7)) }, ...more },
  })}\n`;

/** @param files the oldest first; the last is the current one */
function folderWith(...files: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'squib-audit-'));
  made.push(folder);
  for (const [at, text] of files.entries()) {
    const age = files.length - 1 - at;
    writeFileSync(join(folder, age === 0 ? 'audit.jsonl' : `audit.jsonl.${age}`), text);
  }
  return folder;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

async function readAll(folder: string, query: AuditQuery): Promise<number[]> {
  const found: number[] = [];
  let nextToken: string | undefined;
  do {
    const page = await readAudit(folder, { ...query, nextToken });
    assert.ok(page.items.length <= (query.maxResults ?? 50));
    found.push(...page.items.map(({ eventId }) => Number(eventId)));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

test('every record of every file is read once, newest first, whatever the size of a page', async () => {
  const all = numbers(0, 2000);
  const text = (from: number, to: number) =>
    all
      .slice(from, to)
      .map((number) => line(number))
      .join('');
  const folder = folderWith(text(0, 700), text(700, 1300), text(1300, 2000));
  const newestFirst = all.toReversed();
  for (const maxResults of [1000, 50, 7]) {
    assert.deepEqual(await readAll(folder, { maxResults }), newestFirst, `pages of ${maxResults}`);
  }
});

test('a page that was begun goes on where it was, though the file has been renamed meanwhile', async () => {
  const folder = folderWith(
    numbers(0, 100)
      .map((number) => line(number))
      .join(''),
  );
  const first = await readAudit(folder, { maxResults: 30 });
  renameSync(join(folder, 'audit.jsonl'), join(folder, 'audit.jsonl.1'));
  writeFileSync(join(folder, 'audit.jsonl'), line(100));
  const second = await readAudit(folder, { maxResults: 30, nextToken: first.nextToken });
  assert.deepEqual(
    second.items.map(({ eventId }) => Number(eventId)),
    numbers(40, 70).toReversed(),
  );
});

test('a text is found in any part of a record, whatever its case; reads only when they are asked for, or failed', async () => {
  const folder = folderWith(
    line(1, { userIdentity: { arn: 'arn:aws:iam::000000000000:user/Ada' } }) +
      line(2, { readOnly: true }) +
      line(3, { readOnly: true, errorCode: 'AccessDeniedException', errorMessage: 'no' }),
  );
  assert.deepEqual(await readAll(folder, {}), [3, 1]);
  assert.deepEqual(await readAll(folder, { includeReads: true }), [3, 2, 1]);
  assert.deepEqual(await readAll(folder, { filter: 'USER/ada' }), [1]);
  const { items } = await readAudit(folder, { filter: 'user/ada' });
  assert.equal(items[0]?.principal, 'arn:aws:iam::000000000000:user/Ada');
  assert.equal(JSON.parse(items[0]?.record ?? '').eventName, 'Call1');
});

test('a line that a crash cut short, and a folder without a log, hold nothing', async () => {
  assert.deepEqual(await readAll(folderWith(`${line(1)}{"eventID":"2","even\n${line(3)}`), {}), [3, 1]);
  assert.deepEqual(await readAll(folderWith(), {}), []);
});

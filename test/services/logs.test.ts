// CloudWatch Logs through the real AWS CLI: groups and streams that scripts make, and following them.
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LogStore } from '../../src/store/log-store.ts';
import { aws } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
const logs = (line: string, ...more: string[]) => aws(squib, ['logs', ...line.split(' '), ...more]);
const put = (message: string, timestamp = Date.now()) =>
  logs(
    'put-log-events --log-group-name /app/one --log-stream-name s1 --log-events',
    JSON.stringify([{ timestamp, message }]),
  );

before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

test('groups and streams: made, written, read, tagged, deleted', async () => {
  await logs('create-log-group --log-group-name /app/one --tags team=blue');
  await assert.rejects(logs('create-log-group --log-group-name /app/one'), /ResourceAlreadyExistsException/);
  await assert.rejects(put('early'), /ResourceNotFoundException.*log stream does not exist/);
  await logs('create-log-stream --log-group-name /app/one --log-stream-name s1');
  await put('first');
  const { events } = await logs('get-log-events --log-group-name /app/one --log-stream-name s1');
  assert.deepEqual(
    events.map((event: { message: string }) => event.message),
    ['first'],
  );
  await logs('put-retention-policy --log-group-name /app/one --retention-in-days 7');
  await assert.rejects(
    logs('put-retention-policy --log-group-name /app/one --retention-in-days 8'),
    /InvalidParameterException/,
  );
  const [group] = (await logs('describe-log-groups --log-group-name-prefix /app')).logGroups;
  assert.equal(group.retentionInDays, 7);
  assert.deepEqual(await logs('list-tags-for-resource --resource-arn', group.logGroupArn), {
    tags: { team: 'blue' },
  });
});

test('following a group: the calls of "aws logs tail --follow" see events as they come, each once', async () => {
  // Version 2 of the CLI, which has the command, is not on PyPI; it asks so, from the last time it has seen.
  const poll = (since: number) =>
    logs(`filter-log-events --log-group-name /app/one --interleaved --start-time ${since}`);
  const { events: before } = await poll(Date.now() - 3_600_000);
  assert.equal(before.length, 1);
  await put('second');
  const { events: now } = await poll(before[0].timestamp);
  assert.deepEqual(
    now.map((event: { message: string }) => event.message),
    ['first', 'second'],
  );
  assert.equal(now[0].eventId, before[0].eventId);
  assert.notEqual(now[1].eventId, before[0].eventId);
});

test('retention removes streams whose last event is older, and nothing else', async () => {
  await logs('create-log-stream --log-group-name /app/one --log-stream-name old');
  const folder = join(squib.layout.logs, encodeURIComponent('/app/one'));
  const eightDaysAgo = Date.now() / 1000 - 8 * 24 * 3600;
  utimesSync(join(folder, 'old.jsonl'), eightDaysAgo, eightDaysAgo);
  await new LogStore(squib.layout.logs).sweep(Date.now());
  const { logStreams } = await logs('describe-log-streams --log-group-name /app/one');
  assert.deepEqual(
    logStreams.map((stream: { logStreamName: string }) => stream.logStreamName),
    ['s1'],
  );
  await logs('delete-log-stream --log-group-name /app/one --log-stream-name s1');
  await logs('delete-log-group --log-group-name /app/one');
  await assert.rejects(logs('delete-log-group --log-group-name /app/one'), /ResourceNotFoundException/);
});

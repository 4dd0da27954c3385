// CloudWatch Logs through the real AWS CLI: groups and streams that scripts make, and following them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { awsCliV2 } from '../../src/setup/aws-cli-v2.ts';
import { LogStore } from '../../src/store/log-store.ts';
import { aws, cliEnvironment } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
const logs = (line: string, ...more: string[]) => aws(squib, ['logs', ...line.split(' '), ...more]);
const put = (message: string, timestamp = Date.now()) =>
  logs(
    'put-log-events --log-group-name /app/one --log-stream-name s1 --log-events',
    JSON.stringify([{ timestamp, message }]),
  );

/** Version 2 of the CLI, which has these commands, with its output line by line. */
function follow(args: string[]) {
  const child = spawn(join(awsCliV2(squib.config.cacheDir), 'aws'), args, {
    env: cliEnvironment(squib),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async line(pattern: RegExp): Promise<string> {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`aws ended without ${pattern}`);
        if (pattern.test(value)) return value;
      }
    },
    end: () => void child.kill('SIGKILL'),
  };
}

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

test('"aws logs tail --follow" prints events as they come, each once, filtered by a pattern', async () => {
  const pattern = ['--filter-pattern', '{ $.level = "warn" || $.size > 10 }'];
  const tail = follow(['logs', 'tail', '/app/one', '--follow', '--format', 'short', ...pattern]);
  await put('{"level":"warn","n":1}');
  await tail.line(/"n":1/);
  await put('{"level":"info","size":3,"n":2}');
  await put('{"level":"info","size":30,"n":3}');
  assert.match(await tail.line(/"n":/), /"n":3/);
  tail.end();
});

test('"aws logs start-live-tail" shows what is written from now on', async () => {
  const [{ logGroupArn }] = (await logs('describe-log-groups --log-group-name-prefix /app')).logGroups;
  const groups = ['--log-group-identifiers', logGroupArn, '--log-event-filter-pattern', 'seen'];
  const tail = follow(['logs', 'start-live-tail', '--mode', 'print-only', ...groups]);
  let last = 0;
  const writing = setInterval(() => void put(`seen ${++last}`), 500);
  await put('not this');
  assert.match(await tail.line(/./), /seen \d+/);
  clearInterval(writing);
  tail.end();
  await assert.rejects(
    logs('start-live-tail --log-group-identifiers /app/none'),
    /ResourceNotFoundException|argument operation/,
  );
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

// Log events that go on to another service: a second squib's CloudWatch Logs stands for AWS's.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CloudWatchForwarder } from '../../src/aws/client/cloudwatch-forwarder.ts';
import { logsService } from '../../src/aws/logs/operations.ts';
import { createLog } from '../../src/log/log.ts';
import { jsonLines } from '../../src/store/json-lines.ts';
import { LogStore } from '../../src/store/log-store.ts';
import { CREDENTIAL, start } from './harness.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'squib-logs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function messages(store: LogStore, group: string, stream: string): Promise<string[]> {
  return ((await store.read(group, stream, 0))?.events ?? []).map(({ message }) => message);
}

test('events arrive in groups and streams of the same names, in order, across an outage', async (t) => {
  const folder = folderOf(t);
  const far = new LogStore(join(folder, 'far'));
  const { url, server, port } = await start(
    t,
    {},
    { jsonServices: [logsService(far, new AbortController().signal)] },
  );
  const credentialsFile = join(folder, 'keys.json');
  writeFileSync(credentialsFile, JSON.stringify(CREDENTIAL), { mode: 0o600 });
  const logged: string[] = [];
  const forwarder = new CloudWatchForwarder(
    { endpoint: url, region: 'eu-test-1', credentialsFile },
    ...(['eu-test-1', createLog((line) => logged.push(line))] as const),
  );
  const near = new LogStore(join(folder, 'near'), [forwarder.listen]);
  const writer = near.openStream('/app/x', 'one');
  writer.write('first', 1000);
  writer.write('second', 2000);
  // Out of order by time: goes in a batch of its own.
  writer.write('earlier', 500);
  while ((await messages(far, '/app/x', 'one')).length < 3)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await messages(far, '/app/x', 'one'), ['first', 'second', 'earlier']);

  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  writer.write('while it is away', 3000);
  while (!logged.some((line) => line.includes('logs.forward')))
    await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  writer.write('when it is back', 4000);
  await forwarder.close();
  assert.deepEqual((await messages(far, '/app/x', 'one')).slice(3), ['while it is away', 'when it is back']);
  await writer.close();
  assert.deepEqual((await messages(near, '/app/x', 'one')).length, 5);
});

test('events as lines of JSON, in a file that may be moved away', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'events.jsonl');
  const failures: unknown[] = [];
  const store = new LogStore(join(folder, 'logs'), [jsonLines(file, (error) => failures.push(error))]);
  const writer = store.openStream('/app', 'one');
  writer.write('a "b"', Date.UTC(2026, 0, 2));
  renameSync(file, `${file}.1`);
  writer.write('next', Date.UTC(2026, 0, 3));
  await writer.close();
  assert.deepEqual(JSON.parse(readFileSync(`${file}.1`, 'utf8')), {
    ...{ time: '2026-01-02T00:00:00.000Z', logGroup: '/app', logStream: 'one', message: 'a "b"' },
  });
  assert.match(readFileSync(file, 'utf8'), /^\{[^\n]*"message":"next"\}\n$/);
  rmSync(folder, { recursive: true });
  writer.write('lost');
  writer.write('lost too');
  assert.equal(failures.length, 1, 'told once');
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { Bed } from './harness.ts';

test('lines in batches have the form of the log, whatever the request says', async () => {
  const batches: string[] = [];
  const bed = await Bed.start({ accessLog: (lines) => batches.push(lines) });
  await bed.serve(
    8080,
    createServer((_request, response) => response.end('done')),
  );
  for (const path of ['/plain', '/a"b\\c', '/%22?secret=1']) {
    await bed.sends(
      `GET ${path} HTTP/1.1\r\nHost: ${bed.host}\r\nX-aws-proxy-auth: ${await bed.token()}\r\nConnection: close\r\n\r\n`,
    );
  }
  await bed.ask();
  await bed.stop();
  const lines = batches
    .join('\n')
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map((line) => [line.event, line.path, line.status, line.port]),
    [
      ['endpoint.request', '/plain', 200, 8080],
      ['endpoint.request', '/a"b\\c', 200, 8080],
      ['endpoint.request', '/%22', 200, 8080],
      ['endpoint.request', '/', 403, undefined],
    ],
  );
  assert.ok(lines.every((line) => typeof line.time === 'string' && line.level === 'info'));
});

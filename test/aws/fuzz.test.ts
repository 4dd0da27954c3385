import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { FrontDoorHandlers } from '../../src/aws/front-door.ts';
import { loadModel } from '../../src/aws/protocol/load-model.ts';
import { ServiceError } from '../../src/errors/service-error.ts';
import { CREDENTIAL, REGION, type Running, raw, start } from './harness.ts';
import { forSeeds, type Random } from './random.ts';
import { rawSigned } from './sign.ts';

const MODELS = [loadModel('lambda-microvms'), loadModel('lambda-core')];
const URIS = MODELS.flatMap((model) => Object.values(model.operations));
const MEMBERS = MODELS.flatMap((model) =>
  Object.values(model.shapes).flatMap((shape) => Object.keys(shape.members ?? {})),
);

/** Every operation there is, refusing: whatever else is answered comes from the front door. */
const handlers = Object.fromEntries(
  MODELS.flatMap((model) => Object.keys(model.operations)).map((name) => [
    name,
    async () => {
      throw new ServiceError('NotFound', 'reached the rules');
    },
  ]),
) as FrontDoorHandlers;

function randomJson(random: Random, depth = 0): unknown {
  const kind = random.int(depth > 3 ? 5 : 8);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(50);
  if (kind === 2) return random.pick([0, -1, 1.5, 1e308, 2 ** 53, random.int(1e9)]);
  if (kind < 5) return random.text(20);
  if (kind === 5) return Array.from({ length: random.int(4) }, () => randomJson(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random.int(6) }, () => [
      random.chance(80) ? random.pick(MEMBERS) : random.text(8),
      randomJson(random, depth + 1),
    ]),
  );
}

function check(answer: { status: number; body: string }, running: Running): void {
  assert.ok(
    answer.status < 500 || answer.status === 501,
    `${answer.status} ${answer.body} ${running.logged.join()}`,
  );
  assert.doesNotMatch(answer.body, /at .*\.ts:\d+|node:internal/);
  assert.deepEqual(running.logged, []);
}

/** Sends bytes as they are. @returns what came back before the connection ended or fell silent */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const limit = setTimeout(() => {
      socket.destroy();
      reject(new Error('hangs'));
    }, 5000);
    const finish = () => {
      clearTimeout(limit);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', finish).on('close', finish);
    socket.end(bytes);
  });
}

describe('no input gives a 500, a hang or a stack trace', () => {
  test('signed requests with random paths, queries and bodies', async (t) => {
    const running = await start(t, handlers);
    running.store.createBucket('tests', REGION);
    await forSeeds(400, async (random) => {
      const { method, requestUri } = random.pick(URIS);
      const label = () =>
        encodeURIComponent(random.chance(50) ? 'arn:aws:lambda:x:1:microvm-image:a' : `x${random.text(12)}`);
      const path = requestUri.replaceAll(/\{\w+\}/g, label);
      const query = random.chance(50)
        ? {
            [random.pick(['maxResults', 'nextToken', 'tagKeys', 'MaxItems'])]: random.text(10),
            [random.text(4)]: random.text(4),
          }
        : {};
      const json = JSON.stringify(randomJson(random));
      const body = random.chance(80) ? json : Buffer.concat([Buffer.from(json), random.bytes(9)]);
      const hasBody = method !== 'GET' && method !== 'DELETE';
      check(await rawSigned(running, { method, path, query, ...(hasBody && { body }) }), running);
    });
  });

  test('signed requests to S3 and sts with random targets', async (t) => {
    const running = await start(t, handlers);
    running.store.createBucket('tests', REGION);
    const subresources = [
      'list-type',
      'delete',
      'uploads',
      'uploadId',
      'partNumber',
      'location',
      'acl',
      'max-keys',
      'versionId',
      'continuation-token',
      'encoding-type',
      'response-expires',
    ];
    await forSeeds(400, async (random) => {
      const method = random.pick(['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS']);
      const key = encodeURIComponent(random.text(20));
      const path = random.pick(['/', '/tests', '/tests/', `/tests/${key}`, `/${key}`, `//${key}`]);
      const query = Object.fromEntries(
        Array.from({ length: random.int(4) }, () => [
          random.pick(subresources),
          random.pick(['', '2', random.text(9)]),
        ]),
      );
      const headers: Record<string, string> = {};
      const ascii = (n: number) => random.text(n).replaceAll(/[^\x21-\x7e]/g, '');
      if (random.chance(30)) headers.range = `bytes=${ascii(6)}`;
      if (random.chance(20)) headers['x-amz-copy-source'] = ascii(20) || '/';
      if (random.chance(20)) headers['content-md5'] = ascii(20);
      if (random.chance(20)) headers['x-amz-checksum-crc32'] = ascii(9);
      if (random.chance(20)) headers['x-amz-trailer'] = ascii(12);
      if (random.chance(20)) headers['if-modified-since'] = ascii(12);
      if (random.chance(15))
        headers['x-amz-content-sha256'] = random.pick([
          'UNSIGNED-PAYLOAD',
          'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
          ascii(9),
        ]);
      if (random.chance(15))
        headers['x-amz-decoded-content-length'] = random.pick(['5', '-1', 'x', '9999999999999999']);
      const body = random.chance(50)
        ? `<${random.pick(['Delete', 'CreateBucketConfiguration', 'x'])}>${random.text(30)}`
        : random.bytes(60);
      const service = random.chance(90) ? 's3' : 'sts';
      check(
        await rawSigned(running, {
          method,
          path,
          query,
          headers,
          service,
          ...(method !== 'GET' && method !== 'HEAD' && { body }),
        }),
        running,
      );
    });
  });

  test('unsigned and half-signed requests', async (t) => {
    const running = await start(t, handlers);
    await forSeeds(300, async (random) => {
      const scope = random.pick([
        `${CREDENTIAL.accessKeyId}/20261122/${REGION}/lambda/aws4_request`,
        'a/b/c/d/e',
        random.text(9),
      ]);
      const authorization = random
        .pick([
          `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
          `AWS4-HMAC-SHA256 ${random.text(40)}`,
          `Bearer ${random.text(9)}`,
          random.text(20),
        ])
        .replaceAll(/[^\x20-\x7e]/g, '');
      const path = random.pick([
        '/',
        '/2025-09-09/microvms',
        '/tests/k',
        '/%',
        '/%ff',
        '/?X-Amz-Signature=%',
        '/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F1%2Fb%2Fs3%2Faws4_request',
      ]);
      const date = random.pick([
        '20261122T030405Z',
        '99999999T999999Z',
        '',
        random.text(9).replaceAll(/[^\x20-\x7e]/g, ''),
      ]);
      const answer = await raw(running, { path, headers: { authorization, 'x-amz-date': date } });
      check(answer, running);
      assert.ok(answer.status >= 400);
    });
  });

  test('damaged HTTP', async (t) => {
    const running = await start(t, handlers);
    const good =
      'POST /2025-09-09/microvms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}';
    const special = [
      'GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET http://x/2025-09-09/microvms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET ftp://x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
      'PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc',
      `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: x\r\n${'x: y\r\n'.repeat(3000)}\r\n`,
    ];
    for (const text of special)
      assert.doesNotMatch(await exchange(running.port, Buffer.from(text)), /^HTTP\/1.1 5/);
    await forSeeds(200, async (random) => {
      const bytes = Buffer.from(good);
      for (let i = 1 + random.int(4); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
      const text = await exchange(
        running.port,
        bytes.subarray(0, random.chance(20) ? random.int(bytes.length) : bytes.length),
      );
      assert.doesNotMatch(text, /^HTTP\/1.1 5|\.ts:\d/, text);
    });
    assert.deepEqual(running.logged, []);
  });
});

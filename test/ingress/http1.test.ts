import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Bed } from './harness.ts';

const run = promisify(execFile);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that the other side notices in its own time; the assertion after it says what is missing. */
async function until(happened: () => boolean): Promise<void> {
  for (let waited = 0; waited < 10_000 && !happened(); waited += 10) await pause(10);
}

describe('HTTP/1.1 through the endpoint', () => {
  let bed: Bed;
  let seen: IncomingMessage | undefined;
  let bodyOf = '';
  let aborted = 0;
  const upstreamSockets = new Set<Socket>();
  /** Takes the connection of the next request for `/stall`, which gets no answer. */
  let stall: ((socket: Socket) => void) | undefined;

  before(async () => {
    bed = await Bed.start();
    const app = createServer((request, response) => {
      seen = request;
      upstreamSockets.add(request.socket);
      response.on('close', () => {
        if (!response.writableFinished) aborted++;
      });
      const path = request.url!.split('?')[0];
      if (path === '/never') return;
      if (path === '/stall' && stall) {
        stall(request.socket);
        stall = undefined;
        return;
      }
      if (path === '/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        let count = 0;
        const timer = setInterval(() => response.write(`data: ${count++}\n\n`), 30);
        response.on('close', () => clearInterval(timer));
        return;
      }
      if (path === '/trailers') {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('part');
        response.addTrailers({ 'x-sum': '42' });
        response.end();
        return;
      }
      if (path === '/hints') {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end('hinted');
        return;
      }
      if (path === '/early') {
        response.writeHead(413);
        response.end('too much');
        return;
      }
      if (path === '/break') {
        response.writeHead(200, { 'content-length': '100' });
        response.write('only this');
        setTimeout(() => response.socket!.destroy(), 20);
        return;
      }
      if (path === '/drop') {
        request.socket.destroy();
        return;
      }
      if (path === '/empty') {
        response.writeHead(204);
        response.end();
        return;
      }
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodyOf = Buffer.concat(chunks).toString();
        response.setHeader('x-custom', ['one', 'two']);
        response.setHeader('x-amzn-requestid', 'of-the-application');
        const text = `${request.method} ${request.url} ${bodyOf.length}`;
        response.setHeader('content-length', text.length);
        response.end(text);
      });
    });
    await bed.serve(8080, app);
  });
  after(() => bed.stop());

  test('the application sees the request as spec section 4 says', async () => {
    const answer = await bed.get('/a/../b//c?x=%2F&y=1', {
      'x-aws-proxy-port': '8080',
      'X-AWS-Proxy-Unknown': 'gone',
      'x-amzn-requestid': 'from-the-client',
      traceparent: '00-abc-def-01',
      authorization: 'Bearer mine',
      cookie: 'a=b; c=d',
      'X-Forwarded-For': '1.2.3.4',
      'Sec-WebSocket-Protocol': 'untouched',
    });
    assert.equal(seen!.url, '/a/../b//c?x=%2F&y=1');
    const { headers } = seen!;
    assert.equal(headers.host, bed.host);
    assert.equal(headers.authorization, 'Bearer mine');
    assert.equal(headers.cookie, 'a=b; c=d');
    assert.equal(headers.traceparent, '00-abc-def-01');
    assert.equal(headers['x-forwarded-for'], '1.2.3.4');
    assert.equal(headers['sec-websocket-protocol'], 'untouched');
    for (const name of Object.keys(headers)) assert.ok(!name.startsWith('x-aws-proxy-'), name);
    for (const name of ['via', 'forwarded', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip']) {
      assert.equal(headers[name], undefined);
    }
    assert.match(String(headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
    assert.equal(answer.headers['x-amzn-requestid'], headers['x-amzn-requestid']);
    assert.deepEqual(
      answer.rawHeaders.filter(
        (_value, at, all) => at % 2 === 1 && all[at - 1]!.toLowerCase() === 'x-custom',
      ),
      ['one', 'two'],
    );
  });

  test('hop-by-hop fields, and those that Connection names, stay on their hop', async () => {
    await bed.sends(
      `GET /hop HTTP/1.1\r\nHost: ${bed.host}\r\nx-aws-proxy-auth: ${await bed.token()}\r\n` +
        'Connection: close, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n' +
        'TE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    );
    assert.equal(seen!.url, '/hop');
    for (const name of ['x-private', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'http2-settings']) {
      assert.equal(seen!.headers[name], undefined, name);
    }
  });

  test('every method, with and without body', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const body = method === 'GET' || method === 'OPTIONS' ? undefined : 'hello';
      const answer = await bed.get('/m', body ? { 'content-length': '5' } : {}, {
        method,
        ...(body && { body }),
      });
      assert.equal(answer.text, `${method} /m ${body?.length ?? 0}`);
    }
    const head = await bed.get('/m', {}, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.equal(head.headers['content-length'], '9');
    assert.equal((await bed.get('/empty')).status, 204);
  });

  test('requests share one connection to the application', async () => {
    await bed.get('/warm');
    const dials = bed.guest.dials;
    for (let count = 0; count < 10; count++) await bed.get(`/again/${count}`);
    assert.equal(bed.guest.dials, dials);
  });

  test('chunked request body', async () => {
    const token = await bed.token();
    const text = await bed.sends(
      `POST /c HTTP/1.1\r\nHost: ${bed.host}\r\nx-aws-proxy-auth: ${token}\r\nTransfer-Encoding: chunked\r\n` +
        'Connection: close\r\n\r\n5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: t\r\n\r\n',
    );
    assert.equal(bodyOf, 'hello world');
    assert.equal(seen!.trailers['x-trailer'], 't');
    assert.match(text, /POST \/c 11/);
  });

  test('trailers of the answer', async () => {
    const answer = await bed.get('/trailers');
    assert.equal(answer.text, 'part');
    assert.equal(answer.trailers['x-sum'], '42');
  });

  test('informational answers pass', async () => {
    const hints: unknown[] = [];
    const token = await bed.token();
    await new Promise<void>((resolve, reject) => {
      const request = httpsRequest(
        bed.options({ path: '/hints', headers: { 'x-aws-proxy-auth': token } }),
        (r) => r.resume().on('end', resolve),
      );
      request.on('information', (info) => hints.push(info.statusCode, info.headers.link));
      request.on('error', reject);
      request.end();
    });
    assert.deepEqual(hints, [103, '</a.css>; rel=preload']);
  });

  test('Expect: 100-continue is the application’s to answer', async () => {
    const token = await bed.token();
    let continued = false;
    await new Promise<void>((resolve, reject) => {
      const headers = { 'x-aws-proxy-auth': token, expect: '100-continue', 'content-length': '4' };
      const request = httpsRequest(bed.options({ method: 'PUT', path: '/expect', headers }), (response) =>
        response.resume().on('end', resolve),
      );
      request.on('continue', () => {
        continued = true;
        request.end('body');
      });
      request.on('error', reject);
      request.flushHeaders();
    });
    assert.ok(continued);
    assert.equal(bodyOf, 'body');
  });

  test('events arrive as they are sent', async () => {
    const token = await bed.token();
    const before = aborted;
    const times: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const request = httpsRequest(
        bed.options({ path: '/events', headers: { 'x-aws-proxy-auth': token } }),
        (r) => {
          r.on('data', () => {
            times.push(Date.now());
            if (times.length === 4) {
              request.destroy();
              resolve();
            }
          });
          r.on('error', () => {});
        },
      );
      request.on('error', reject);
      request.end();
    });
    assert.ok(times[3]! - times[0]! >= 50, 'not in one piece');
    await until(() => aborted > before);
    assert.equal(aborted, before + 1, 'the application sees the client leave');
  });

  test('a client that leaves before the answer is noticed by the application', async () => {
    const token = await bed.token();
    const before = aborted;
    const request = httpsRequest(
      bed.options({ path: '/never', agent: false, headers: { 'x-aws-proxy-auth': token } }),
    );
    request.on('error', () => {});
    seen = undefined;
    request.end();
    await until(() => seen?.url === '/never');
    request.destroy();
    await until(() => aborted > before);
    assert.equal(aborted, before + 1);
  });

  test('the application ends before its answer: 502', async () => {
    const answer = await bed.get('/drop', {}, { method: 'POST', body: 'x' });
    assert.equal(answer.status, 502);
    assert.equal(answer.text, '');
  });

  test('the application ends inside its answer: the connection breaks', async () => {
    await assert.rejects(bed.get('/break'));
  });

  test('an answer before the end of the upload', async () => {
    const answer = await bed.get('/early', {}, { method: 'POST', body: 'x'.repeat(200_000) });
    assert.equal(answer.status, 413);
    assert.equal(answer.text, 'too much');
  });

  test('a kept connection that the application closed costs no request', async () => {
    await bed.get('/warm');
    for (const socket of upstreamSockets) socket.destroy();
    assert.equal((await bed.get('/after')).status, 200);
    await bed.get('/warm');
    for (const socket of upstreamSockets) socket.destroy();
    await pause(20);
    assert.equal((await bed.get('/after', {}, { method: 'POST', body: 'x' })).status, 200);
  });

  test('nor one that it closes late, unless a suspend is under way', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    for (const state of ['running', 'suspended'] as const) {
      await bed.get('/warm');
      const dials = bed.guest.dials;
      const arrived = new Promise<Socket>((resolve) => {
        stall = resolve;
      });
      const answer = bed.get('/stall');
      const socket = await arrived;
      assert.equal(bed.guest.dials, dials, 'the kept connection was taken');
      t.mock.timers.tick(5000);
      bed.guest.state = state;
      socket.destroy();
      assert.equal((await answer).status, state === 'running' ? 200 : 502);
    }
    assert.equal(bed.guest.state, 'suspended', 'what was cut does not resume it');
    bed.guest.state = 'running';
  });

  test('pipelined requests are answered in order', async () => {
    const token = await bed.token();
    const one = (path: string, more = '') =>
      `GET ${path} HTTP/1.1\r\nHost: ${bed.host}\r\nx-aws-proxy-auth: ${token}\r\n${more}\r\n`;
    const text = await bed.sends(one('/1') + one('/2') + one('/3', 'Connection: close\r\n'));
    assert.deepEqual(text.match(/GET \/\d 0/g), ['GET /1 0', 'GET /2 0', 'GET /3 0']);
  });

  test('HTTP/1.0, with the name from the handshake', async () => {
    const text = await bed.sends(`GET /old HTTP/1.0\r\nx-aws-proxy-auth: ${await bed.token()}\r\n\r\n`);
    assert.match(text, /GET \/old 0$/);
    assert.match(text, /connection: close/);
    const streamed = await bed.sends(
      `GET /trailers HTTP/1.0\r\nx-aws-proxy-auth: ${await bed.token()}\r\n\r\n`,
    );
    assert.match(streamed, /\r\n\r\npart$/);
    assert.ok(!/transfer-encoding/i.test(streamed));
  });

  test('absolute-form target', async () => {
    await bed.sends(
      `GET https://${bed.host}/abs?q HTTP/1.1\r\nHost: ${bed.host}\r\nConnection: close\r\nx-aws-proxy-auth: ${await bed.token()}\r\n\r\n`,
    );
    assert.equal(seen!.url, '/abs?q');
  });

  test('answers of older servers, and with odd framing', async () => {
    const replies: Record<string, string> = {
      '/close': 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end',
      '/nolength': 'HTTP/1.1 200\r\n\r\nno length',
      '/both':
        'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n',
      '/twice': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
      '/differs': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
      '/switch': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      '/split': 'HTTP/1.1 200 OK\r\nA: b\nX-Injected: 1\r\nContent-Length: 0\r\n\r\n',
      '/more':
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    };
    await bed.serveRaw(81, (socket) => {
      socket.on('data', (chunk) => {
        const path = chunk.toString().split(' ')[1]!;
        socket.write(replies[path]!);
        if (path === '/close' || path === '/nolength') socket.end();
      });
    });
    const expected: [string, number, string][] = [
      ['/close', 200, 'until the end'],
      ['/nolength', 200, 'no length'],
      ['/both', 200, 'four'],
      ['/twice', 200, 'ok'],
      ['/differs', 502, ''],
      ['/switch', 502, ''],
      ['/split', 502, ''],
      ['/more', 200, 'ok'],
      ['/twice', 200, 'ok'],
    ];
    for (const [path, status, text] of expected) {
      const answer = await bed.get(path, { 'x-aws-proxy-port': '81' });
      assert.deepEqual([path, answer.status, answer.text], [path, status, text]);
    }
  });

  test('curl, over HTTP/1.1 and HTTP/2, by the name of the endpoint', async () => {
    for (const version of ['--http1.1', '--http2']) {
      const url = `https://${bed.host}:${bed.ingress.port}/curl`;
      const token = await bed.token();
      const { stdout } = await run('curl', [
        ...['-sS', version, '--cacert', bed.caFile, '--resolve', `${bed.host}:${bed.ingress.port}:127.0.0.1`],
        ...[
          '-H',
          `X-aws-proxy-auth: ${token}`,
          '-d',
          'some data',
          '-w',
          ' %{http_version} %{http_code}',
          url,
        ],
      ]);
      assert.match(stdout, version === '--http2' ? /^POST \/curl 9 2 200$/ : /^POST \/curl 9 1\.1 200$/);
    }
  });

  test('a plain-text client gets nothing', async () => {
    await assert.rejects(
      new Promise((resolve, reject) => {
        httpRequest({ host: '127.0.0.1', port: bed.ingress.port, path: '/' }, resolve)
          .on('error', reject)
          .end();
      }),
    );
  });
});

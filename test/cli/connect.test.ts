import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { after, afterEach, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { Destination } from '../../src/cli/connect/destination.ts';
import { dialOf } from '../../src/cli/connect/destination.ts';
import { type LocalProxy, startLocalProxy } from '../../src/cli/connect/local-proxy.ts';
import { TokenSource } from '../../src/cli/connect/token-source.ts';
import { Bed } from '../ingress/harness.ts';

/** A request with any header, which fetch does not allow. */
function ask(
  port: number,
  headers: Record<string, string> = {},
  more: { method?: string; body?: string; path?: string } = {},
) {
  return new Promise<{
    status: number;
    text: string;
    headers: IncomingMessage['headers'];
    trailers: IncomingMessage['trailers'];
  }>((resolve, reject) => {
    const { body, ...options } = more;
    const sent = request({ port, host: '127.0.0.1', headers, ...options }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode!, text, headers: answer.headers, trailers: answer.trailers });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the local proxy of squib connect', () => {
  let bed: Bed;
  let proxy: LocalProxy;
  let grpcish: LocalProxy;
  let minted = 0;
  let shift = 0;
  const complaints: string[] = [];
  const seen: IncomingMessage[] = [];
  const connection = {
    region: 'us-east-1',
    accessKeyId: 'A',
    secretAccessKey: 'S',
    endpoint: 'http://127.0.0.1:1',
  };

  const destination = (port: number): Destination => {
    const endpoint = `${bed.host}:${bed.ingress.port}`;
    const mint = () => {
      minted++;
      return bed.token([{ startPort: port, endPort: port }]);
    };
    const tokens = new TokenSource(mint, () => Date.now() + shift);
    return { endpoint, port, tokens, dial: dialOf(endpoint, connection, bed.caFile) };
  };

  before(async () => {
    bed = await Bed.start();
    bed.guest.endpoints.set(bed.host, { microvmId: bed.microvmId, httpIngress: true, shellIngress: true });
    const app = createServer(async (request, response) => {
      seen.push(request);
      if (request.url === '/moved') {
        response.writeHead(302, {
          location: `https://${request.headers.host}/there`,
          'set-cookie': 'a=1; Domain=x.y; Path=/',
        });
        response.end();
      } else if (request.url === '/trailers') {
        response.writeHead(200, { trailer: 'x-sum' });
        response.write('body');
        response.addTrailers({ 'x-sum': '4' });
        response.end();
      } else {
        const body = Buffer.concat(await request.toArray());
        response.end(`${request.method} ${request.url} ${body.length}`);
      }
    });
    new WebSocketServer({ server: app }).on('connection', (socket, request) => {
      seen.push(request);
      socket.on('message', (data) => socket.send(data));
    });
    await bed.serve(3000, app);
    const http2 = createHttp2Server();
    http2.on('stream', async (stream, headers) => {
      const body = Buffer.concat(await stream.toArray());
      stream.respond({ ':status': 200, 'x-te': headers.te ?? '' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(body);
    });
    await bed.serve(50051, http2 as never);
    proxy = await startLocalProxy(destination(3000), 0, (problem) => complaints.push(problem));
    grpcish = await startLocalProxy(destination(50051), 0, (problem) => complaints.push(problem));
  });
  after(async () => {
    await proxy.close();
    await grpcish.close();
    await bed.stop();
  });
  afterEach(() => {
    seen.length = 0;
    complaints.length = 0;
    shift = 0;
  });

  test('requests get through with a token that the client does not know', async () => {
    const { status, text } = await ask(proxy.port, { cookie: 'a=1' }, { path: '/x?y=1' });
    assert.deepEqual([status, text], [200, 'GET /x?y=1 0']);
    const { headers } = seen[0]!;
    assert.equal(headers.host, `${bed.host}:${bed.ingress.port}`);
    assert.equal(headers.cookie, 'a=1');
    assert.equal(
      Object.keys(headers).some((name) => name.startsWith('x-aws')),
      false,
    );
  });

  test('bodies, Expect and trailers pass', async () => {
    const body = 'x'.repeat(300_000);
    assert.equal((await ask(proxy.port, {}, { method: 'POST', body })).text, 'POST / 300000');
    const expecting = request({
      port: proxy.port,
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': 5 },
    });
    await once(expecting, 'continue');
    expecting.end('hello');
    const [answer] = (await once(expecting, 'response')) as [IncomingMessage];
    assert.equal(Buffer.concat(await answer.toArray()).toString(), 'PUT / 5');
    assert.equal((await ask(proxy.port, {}, { path: '/trailers' })).trailers['x-sum'], '4');
  });

  test('applications that compare Origin with Host are content, redirects and cookies stay here', async () => {
    const local = `http://localhost:${proxy.port}`;
    await ask(proxy.port, { origin: local, referer: `${local}/page?x`, host: `localhost:${proxy.port}` });
    const { headers } = seen[0]!;
    assert.equal(headers.origin, `https://${headers.host}`);
    assert.equal(headers.referer, `https://${headers.host}/page?x`);
    const moved = await ask(proxy.port, {}, { path: '/moved' });
    assert.equal(moved.headers.location, '/there');
    assert.deepEqual(moved.headers['set-cookie'], ['a=1; Path=/']);
  });

  test('WebSockets', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`, {
      origin: `http://localhost:${proxy.port}`,
    });
    await once(socket, 'open');
    socket.send('over');
    const [data] = (await once(socket, 'message')) as [Buffer];
    assert.equal(String(data), 'over');
    assert.equal(seen[0]!.headers.origin, `https://${bed.host}:${bed.ingress.port}`);
    socket.close();
    await once(socket, 'close');
  });

  test('HTTP/2 with prior knowledge, trailers and all', async () => {
    const session = connectHttp2(`http://localhost:${grpcish.port}`);
    const stream = session.request({ ':method': 'POST', te: 'trailers', 'content-type': 'application/grpc' });
    let head: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    stream.on('response', (headers) => {
      head = headers;
    });
    stream.on('trailers', (headers) => {
      trailers = headers;
    });
    stream.end('x'.repeat(200_000));
    assert.equal(Buffer.concat(await stream.toArray()).length, 200_000);
    assert.deepEqual([head[':status'], head['x-te'], trailers['grpc-status']], [200, 'trailers', '0']);
    session.close();
  });

  test('foreign pages and foreign names for this machine are refused', async () => {
    const port = proxy.port;
    const refused: Record<string, string>[] = [
      { host: `evil.example:${port}` },
      { host: `${bed.host}:${port}` },
      { origin: 'https://evil.example' },
      { origin: `https://${bed.host}` },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    ];
    for (const headers of refused)
      assert.equal((await ask(port, headers)).status, 403, JSON.stringify(headers));
    const form = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    assert.equal((await ask(port, form, { method: 'POST' })).status, 403);
    assert.equal((await ask(port, form)).status, 200, 'a link that is followed');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { origin: 'https://evil.example' });
    const [error] = (await once(socket, 'error')) as [Error];
    assert.match(error.message, /403/);
    const session = connectHttp2(`http://localhost:${grpcish.port}`);
    const stream = session.request({ ':authority': 'evil.example' });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], 403);
    session.destroy();
    assert.equal(seen.length, 1);
  });

  test('tokens are renewed in good time, and at once when they are refused', async () => {
    await ask(proxy.port);
    const before = minted;
    await ask(proxy.port);
    assert.equal(minted, before);
    shift = 31 * 60_000;
    assert.equal((await ask(proxy.port)).status, 200);
    assert.equal(minted, before + 1);
    // A MicroVM of another id is what a token of other keys looks like.
    bed.guest.endpoints.set(bed.host, { microvmId: 'microvm-other', httpIngress: true, shellIngress: true });
    assert.equal((await ask(proxy.port)).status, 403);
    assert.equal(minted, before + 1);
    bed.guest.endpoints.set(bed.host, { microvmId: bed.microvmId, httpIngress: true, shellIngress: true });
    assert.equal((await ask(proxy.port)).status, 200);
    assert.equal(minted, before + 2);
  });

  test('when the endpoint is not there, the client gets 502 and the terminal the reason', async () => {
    const gone = destination(3000);
    gone.dial = { ...gone.dial, port: 1 };
    const alone = await startLocalProxy(gone, 0, (problem) => complaints.push(problem));
    const { status, text } = await ask(alone.port);
    assert.equal(status, 502);
    assert.match(text, /The endpoint does not answer: .*ECONNREFUSED/);
    const session = connectHttp2(`http://localhost:${alone.port}`);
    const [headers] = await once(session.request({}), 'response');
    assert.equal(headers[':status'], 502);
    session.destroy();
    assert.equal(complaints.length, 2, complaints.join('\n'));
    assert.match(complaints[1]!, /ECONNREFUSED/);
    await alone.close();
  });

  test('a port that is taken is named, with the way out', async () => {
    await assert.rejects(
      startLocalProxy(destination(3000), proxy.port, () => {}),
      {
        message: /cannot be used \(EADDRINUSE\)/,
        remedy: /0:3000/,
      },
    );
  });
});

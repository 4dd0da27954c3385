import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { Bed } from './harness.ts';

const marker = 'lambda-microvms';

interface Opened {
  client: WebSocket;
  protocol: string;
  answer: IncomingMessage;
}

/** Row by row the table of spec networking-and-proxy 5.1. */
describe('WebSocket through the endpoint', () => {
  let bed: Bed;
  let seen: IncomingMessage | undefined;
  let selects: string | false = false;
  const guests = new Set<WebSocket>();

  before(async () => {
    bed = await Bed.start();
    for (const port of [8080, 3000]) {
      const server = createServer((_request, response) => response.writeHead(426).end('upgrade, please'));
      const sockets = new WebSocketServer({ server, handleProtocols: () => selects, maxPayload: 64 << 20 });
      sockets.on('connection', (socket, request) => {
        seen = request;
        guests.add(socket);
        socket.on('close', () => guests.delete(socket));
        socket.on('message', (data, binary) => socket.send(data, { binary }));
        if (request.url === '/greets') socket.send('at once');
      });
      await bed.serve(port, server);
    }
  });
  after(() => bed.stop());

  function open(protocols: string[], headers: Record<string, string> = {}, path = '/'): Promise<Opened> {
    const client = bed.webSocket(protocols, headers, path);
    return new Promise((resolve, reject) => {
      let answer: IncomingMessage;
      client.on('upgrade', (response) => {
        answer = response;
      });
      client.on('open', () => resolve({ client, protocol: client.protocol, answer }));
      client.on('error', reject);
    });
  }

  const auth = async (...rest: Parameters<Bed['token']>) =>
    `lambda-microvms.authentication.${await bed.token(...rest)}`;

  const rawProtocol = () =>
    seen!.rawHeaders.findIndex((name) => name.toLowerCase() === 'sec-websocket-protocol');

  test('marker and authentication: the application sees no list, the client gets the marker', async () => {
    selects = false;
    const { client, protocol, answer } = await open([marker, await auth()]);
    assert.equal(protocol, marker);
    assert.equal(rawProtocol(), -1);
    assert.equal(seen!.headers.host, bed.host);
    assert.match(String(answer.headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
    client.terminate();
  });

  test('with a port', async () => {
    const { client, protocol } = await open([marker, await auth(), 'lambda-microvms.port.3000']);
    assert.equal(protocol, marker);
    assert.equal(rawProtocol(), -1);
    client.terminate();
  });

  test('an application protocol that the application selects, in any order of the list', async () => {
    selects = 'my-app';
    const token = await auth();
    for (const list of [
      [marker, token, 'my-app'],
      [token, 'my-app', marker],
      ['my-app', token, marker],
    ]) {
      const { client, protocol } = await open(list);
      assert.equal(protocol, 'my-app');
      assert.equal(seen!.headers['sec-websocket-protocol'], 'my-app');
      client.terminate();
    }
  });

  test('an application protocol that the application does not select', async () => {
    selects = false;
    const { client, protocol } = await open([marker, await auth(), 'my-app', 'other']);
    assert.equal(protocol, marker);
    assert.equal(seen!.headers['sec-websocket-protocol'], 'my-app, other');
    client.terminate();
  });

  test('token in the header, no list', async () => {
    const { client, protocol } = await open([], { 'x-aws-proxy-auth': await bed.token() });
    assert.equal(protocol, '');
    assert.equal(rawProtocol(), -1);
    client.terminate();
  });

  test('token in the header and an application protocol', async () => {
    selects = 'my-app';
    const { client, protocol } = await open(['my-app'], { 'x-aws-proxy-auth': await bed.token() });
    assert.equal(protocol, 'my-app');
    client.terminate();
    selects = false;
  });

  test('header and list: the header wins for token (P9) and port (P8)', async () => {
    const narrow = await bed.token([{ startPort: 3000, endPort: 3000 }]);
    const { client } = await open([marker, await auth('all', -1), 'lambda-microvms.port.9'], {
      'x-aws-proxy-auth': narrow,
      'x-aws-proxy-port': '3000',
    });
    client.terminate();
  });

  test('refused handshakes', async () => {
    const token = await auth();
    const rows: [string[], Record<string, string>, RegExp][] = [
      [[token], {}, /400/],
      [[token, 'lambda-microvms.port.3000'], {}, /400/],
      [[marker, token, 'lambda-microvms.port.1', 'lambda-microvms.port.2'], {}, /400/],
      [[marker], {}, /403/],
      [[marker, 'lambda-microvms.port.3000'], {}, /403/],
      [[marker, await auth([{ startPort: 3000, endPort: 3000 }])], {}, /403/],
      [[marker, await auth('all', -1)], {}, /403/],
      [[marker, 'lambda-microvms.authentication.abc'], {}, /403/],
      [[marker, token, 'lambda-microvms.port.x'], {}, /400/],
      [[marker, token, 'lambda-microvms.port.9'], {}, /502/],
      [[], {}, /403/],
    ];
    for (const [list, headers, status] of rows) {
      const error = await open(list, headers).then(
        () => assert.fail(`accepted ${list.map((entry) => entry.slice(0, 40))}`),
        (reason: Error) => reason,
      );
      assert.match(error.message, status);
    }
  });

  test('messages of all sizes come back, compressed or not', async () => {
    const { client } = await open([marker, await auth()]);
    for (const size of [0, 1, 125, 126, 65_536, 3_000_000]) {
      const sent = randomBytes(size);
      const back = new Promise<Buffer>((resolve) =>
        client.once('message', (data) => resolve(data as Buffer)),
      );
      client.send(sent);
      assert.ok(sent.equals(await back), `${size} bytes`);
    }
    client.terminate();
  });

  test('what the application sends with its handshake arrives', async () => {
    const client = bed.webSocket([marker, await auth()], {}, '/greets');
    const first = await new Promise<string>((resolve) =>
      client.once('message', (data) => resolve(String(data))),
    );
    assert.equal(first, 'at once');
    client.terminate();
  });

  test('either side closes, and the other learns why', async () => {
    const one = await open([marker, await auth()]);
    const guest = [...guests].at(-1)!;
    const told = new Promise<number>((resolve) => guest.on('close', resolve));
    one.client.close(3001, 'bye');
    assert.equal(await told, 3001);
    const two = await open([marker, await auth()]);
    const code = new Promise<number>((resolve) => two.client.on('close', resolve));
    [...guests].at(-1)!.close(4002, 'enough');
    assert.equal(await code, 4002);
  });

  test('a client that vanishes is noticed by the application', async () => {
    const { client } = await open([marker, await auth()]);
    const guest = [...guests].at(-1)!;
    const gone = new Promise<number>((resolve) => guest.on('close', resolve));
    client.terminate();
    assert.equal(await gone, 1006);
  });

  test('bytes are activity', async () => {
    const { client } = await open([marker, await auth()]);
    await new Promise((resolve) => setTimeout(resolve, 1050));
    const touches = bed.guest.touches;
    for (let count = 0; count < 50; count++) client.ping();
    await new Promise((resolve) => client.once('pong', resolve));
    assert.equal(bed.guest.touches, touches + 1, 'told once a second at most');
    client.terminate();
  });

  test('an open one outlives its token, a new one does not (P21)', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const short = await auth('all', 10 / 60);
    const { client } = await open([marker, short]);
    t.mock.timers.tick(10_001);
    const back = new Promise((resolve) => client.once('message', (data) => resolve(String(data))));
    client.send('still here');
    assert.equal(await back, 'still here');
    await assert.rejects(open([marker, short]), /403/);
    client.terminate();
  });

  test('suspend cuts it abruptly (P19)', async () => {
    const { client } = await open([marker, await auth()]);
    const code = new Promise<number>((resolve) => client.on('close', resolve));
    bed.guest.suspend(bed.microvmId);
    assert.equal(await code, 1006);
  });

  test('a handshake resumes the MicroVM', async () => {
    bed.guest.suspend(bed.microvmId);
    const resumes = bed.guest.resumes;
    const { client } = await open([marker, await auth()]);
    assert.equal(bed.guest.resumes, resumes + 1);
    client.terminate();
  });

  test('an application that refuses the handshake', async () => {
    const plain = createServer((_request, response) => response.writeHead(404).end('no'));
    await bed.serve(4000, plain);
    await assert.rejects(open([marker, await auth(), 'lambda-microvms.port.4000']), /404/);
  });

  test('a handshake may not carry a body', async () => {
    const text = await bed.sends(
      `GET / HTTP/1.1\r\nHost: ${bed.host}\r\nx-aws-proxy-auth: ${await bed.token()}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        'Content-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 400 /);
  });
});

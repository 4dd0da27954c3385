import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { after, afterEach, before, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { type Answer, Bed } from './harness.ts';

describe('browser links', () => {
  let bed: Bed;
  const seen: IncomingMessage[] = [];
  before(async () => {
    bed = await Bed.start({});
    const app = createServer((request, response) => {
      seen.push(request);
      response.end('the app');
    });
    const sockets = new WebSocketServer({ server: app });
    sockets.on('connection', (socket, request) => {
      seen.push(request);
      socket.send('hello');
    });
    await bed.serve(3000, app);
    await bed.serve(
      8080,
      createServer((_request, response) => response.end('the default port')),
    );
  });
  after(() => bed.stop());
  afterEach(() => {
    seen.length = 0;
    bed.later = 0;
  });

  const link = (path = '/', microvmId = bed.microvmId, minutes = 5) =>
    bed.links.make(
      {
        ...{ microvmId, kind: 'browser', ports: [{ startPort: 3000, endPort: 3000 }] },
        expiresAt: Date.now() + minutes * 60_000,
      },
      path,
    ).path;
  const open = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    bed.ask({ path, method, headers });
  const cookieOf = (answer: Answer) => answer.headers['set-cookie']![0]!.split(';')[0]!;
  const byUser = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const visit = (
    cookie: string,
    headers: Record<string, string>,
    more: { method?: string; path?: string } = {},
  ) => bed.ask({ ...more, headers: { cookie, ...headers } });
  const enter = async () => cookieOf(await open(link()));

  test('a link sets a cookie for this host alone and leads to the path, leaving no trace of itself', async () => {
    const answer = await open(link('/lab?token=1'));
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.location, '/lab?token=1');
    assert.equal(answer.headers['referrer-policy'], 'no-referrer');
    assert.equal(answer.headers['cache-control'], 'private, no-store');
    const [cookie = ''] = answer.headers['set-cookie']!;
    assert.match(
      cookie,
      /^__Host-squib=[\w.-]+; Path=\/; Max-Age=(299|300); Secure; HttpOnly; SameSite=Lax$/,
    );
    assert.equal(seen.length, 0, 'the application hears nothing of it');
  });

  test('the cookie opens the port of the link, which the application does not see', async () => {
    const cookie = await enter();
    const answer = await visit(`a=1; ${cookie}; b=2`, byUser);
    assert.equal(answer.text, 'the app');
    assert.equal(seen[0]!.headers.cookie, 'a=1; b=2');
    await visit(cookie, byUser);
    assert.equal(
      seen[1]!.rawHeaders.some((name) => name.toLowerCase() === 'cookie'),
      false,
    );
  });

  test('a link works once', async () => {
    const path = link();
    assert.equal((await open(path)).status, 303);
    const again = await open(path);
    assert.equal(again.status, 403);
    assert.match(again.text, /used or has expired/);
  });

  test('a link is good for a minute', async () => {
    const path = link();
    bed.later = 60_001;
    assert.equal((await open(path)).status, 403);
  });

  test('neither a preview nor another method uses a link up', async () => {
    const path = link();
    assert.equal((await open(path, { 'sec-purpose': 'prefetch' })).status, 403);
    assert.equal((await open(path, {}, 'HEAD')).status, 403);
    assert.equal((await open(path, {}, 'POST')).status, 403);
    assert.equal((await open(path)).status, 303);
  });

  test('a link for another MicroVM does nothing here, and is not used up', async () => {
    const other = `${randomUUID()}.lambda-microvm.us-east-1.localhost`;
    const microvmId = `microvm-${randomUUID()}`;
    bed.guest.endpoints.set(other, { microvmId, httpIngress: true, shellIngress: false });
    const path = link('/', microvmId);
    assert.equal((await open(path)).status, 403);
    const cookie = cookieOf(await open(path, { host: other }));
    assert.equal((await visit(cookie, byUser)).text, 'Token authentication failed');
  });

  test('with a token in the header the path of links belongs to the application', async () => {
    const answer = await bed.get(link(), { 'x-aws-proxy-port': '3000' });
    assert.equal(answer.text, 'the app');
  });

  test('the token of a cookie is nothing in a header, and a token is nothing in the cookie', async () => {
    const inCookie = (await enter()).slice('__Host-squib='.length);
    const header = await bed.ask({ headers: { 'x-aws-proxy-auth': inCookie, 'x-aws-proxy-port': '3000' } });
    assert.equal(header.text, 'Token authentication failed');
    const app = await visit(`__Host-squib=${await bed.token()}`, byUser);
    assert.equal(app.text, 'Token authentication failed');
    assert.equal((await visit(`__Host-squib=${await bed.shellToken()}`, byUser)).status, 403);
    assert.equal((await visit('__Host-squib=nonsense', byUser)).text, 'Request missing authentication');
  });

  test('other ports stay shut', async () => {
    const cookie = await enter();
    const answer = await visit(cookie, { ...byUser, 'x-aws-proxy-port': '8080' });
    assert.equal(answer.text, 'Access to port denied');
  });

  test('an expired cookie opens nothing', async () => {
    const cookie = cookieOf(await open(link('/', bed.microvmId, -1)));
    assert.equal((await visit(cookie, byUser)).text, 'Token authentication failed');
  });

  const origin = () => `https://${bed.host}`;
  const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const rows: [string, () => Record<string, string>, string, number][] = [
    ['a page of the application', () => ({ 'sec-fetch-site': 'same-origin', origin: origin() }), 'POST', 200],
    ['a page of the application, reading', () => ({ 'sec-fetch-site': 'same-origin' }), 'GET', 200],
    ['an older browser that names its origin', () => ({ origin: origin() }), 'POST', 200],
    ['a link on any page', () => ({ 'sec-fetch-site': 'cross-site', ...navigation }), 'GET', 200],
    [
      'a page of another MicroVM',
      () => ({ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }),
      'GET',
      403,
    ],
    ['a form of another MicroVM', () => ({ 'sec-fetch-site': 'same-site', ...navigation }), 'POST', 403],
    [
      'a frame of another MicroVM',
      () => ({ 'sec-fetch-site': 'same-site', ...navigation, 'sec-fetch-dest': 'iframe' }),
      'GET',
      403,
    ],
    [
      'an image on any page',
      () => ({ 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' }),
      'GET',
      403,
    ],
    ['a foreign origin', () => ({ origin: 'https://evil.example' }), 'GET', 403],
    ['an origin that is hidden', () => ({ origin: 'null', 'sec-fetch-site': 'none' }), 'POST', 403],
    ['plain HTTP of the same host', () => ({ origin: `http://${bed.host}` }), 'POST', 403],
    ['somebody who says nothing', () => ({}), 'GET', 403],
  ];
  for (const [who, headers, method, status] of rows) {
    test(`${who}: ${status}`, async () => {
      const answer = await visit(await enter(), headers(), { method });
      assert.equal(answer.status, status);
      if (status === 403) assert.equal(answer.text, 'Request from another origin');
      assert.equal(seen.length, status === 200 ? 1 : 0);
    });
  }

  test('WebSockets open from the own origin and from no other', async () => {
    const cookie = await enter();
    const socket = bed.webSocket([], { cookie, origin: origin() });
    const [message] = await new Promise<[Buffer]>((resolve, reject) => {
      socket.on('message', (data: Buffer) => resolve([data]));
      socket.on('error', reject);
    });
    assert.equal(String(message), 'hello');
    assert.equal(seen[0]!.headers.cookie, undefined);
    socket.terminate();
    const foreign = bed.webSocket([], { cookie, origin: 'https://evil.example' });
    await assert.rejects(new Promise((_, reject) => foreign.on('error', reject)), /403/);
  });

  test('HTTP/2: the same, with cookies one by one', async () => {
    const cookie = await enter();
    const session = connectHttp2(`https://127.0.0.1:${bed.ingress.port}`, {
      ca: bed.ca,
      servername: bed.host,
    });
    const stream = session.request({ ':authority': bed.host, cookie: ['a=1', cookie, 'b=2'], ...byUser });
    const chunks = await stream.toArray();
    assert.equal(String(Buffer.concat(chunks)), 'the app');
    assert.equal(seen[0]!.headers.cookie, 'a=1; b=2');
    session.destroy();
  });

  test('no secret of a link is in the access log', async () => {
    const path = link('/', `microvm-${randomUUID()}`);
    await open(path);
    const text = JSON.stringify(bed.lines);
    assert.ok(text.includes('"path":"/_squib/open/"'));
    assert.ok(!text.includes(path));
  });
});

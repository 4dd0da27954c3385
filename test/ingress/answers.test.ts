import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { Bed } from './harness.ts';

/** Answers of the proxy itself (spec: networking-and-proxy sections 3 and 9). */
describe('answers of the endpoint', () => {
  let bed: Bed;
  before(async () => {
    bed = await Bed.start();
    await bed.serve(
      8080,
      createServer((_request, response) => response.end('application')),
    );
    await bed.serve(
      3000,
      createServer((_request, response) => response.end('three')),
    );
    await bed.serveRaw(25, (socket) => {
      socket.on('data', () => {});
      socket.end('220 mail.example ESMTP\r\n');
    });
  });
  after(() => bed.stop());

  async function refused(headers: Record<string, string>, status: number, body: string, host = bed.host) {
    const answer = await bed.ask({ headers: { host, ...headers } });
    assert.equal(answer.status, status);
    assert.equal(answer.text, body);
    assert.match(answer.headers['x-amzn-requestid'] as string, /^[0-9a-f-]{36}$/);
    assert.equal(answer.headers['cache-control'], 'private, no-store');
    assert.equal(answer.headers['content-type'], body ? 'text/plain' : undefined);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }

  test('no token', () => refused({}, 403, 'Request missing authentication'));

  test('a token that is none', async () => {
    for (const token of ['abc', 'a.b.c', 'a..b.c.d', `${'x'.repeat(99)}..${'y'.repeat(16)}`, '']) {
      await refused({ 'x-aws-proxy-auth': token }, 403, 'Request missing authentication');
    }
  });

  test('two tokens in one request', async () => {
    const token = await bed.token();
    const text = await bed.sends(
      `GET / HTTP/1.1\r\nHost: ${bed.host}\r\nx-aws-proxy-auth: ${token}\r\nX-Aws-Proxy-Auth: ${token}\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 403 [\s\S]*Request missing authentication$/);
  });

  test('token of another MicroVM', async () => {
    const token = await bed.token('all', 5, `microvm-${randomUUID()}`);
    await refused({ 'x-aws-proxy-auth': token }, 403, 'Token authentication failed');
  });

  test('well-formed but unknown endpoint', async () => {
    const host = `${randomUUID()}.lambda-microvm.us-east-1.localhost`;
    await refused({ 'x-aws-proxy-auth': await bed.token() }, 403, 'Token authentication failed', host);
    await refused({}, 403, 'Request missing authentication', host);
  });

  test('expired token, also one that was accepted before', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await refused({ 'x-aws-proxy-auth': await bed.token('all', -1) }, 403, 'Token authentication failed');
    const short = await bed.token('all', 10 / 60);
    assert.equal((await bed.ask({ headers: { 'x-aws-proxy-auth': short } })).status, 200);
    t.mock.timers.tick(10_001);
    await refused({ 'x-aws-proxy-auth': short }, 403, 'Token authentication failed');
  });

  test('several tokens are good at a time, also after a suspend', async () => {
    const tokens = [await bed.token(), await bed.token([{ startPort: 8080, endPort: 8080 }])];
    const statuses = () =>
      Promise.all(
        tokens.map(async (token) => (await bed.ask({ headers: { 'x-aws-proxy-auth': token } })).status),
      );
    assert.deepEqual(await statuses(), [200, 200]);
    bed.guest.suspend(bed.microvmId);
    assert.deepEqual(await statuses(), [200, 200]);
  });

  test('a fault of the endpoint itself', async (t) => {
    t.mock.method(bed.guest, 'takesTraffic', () => {
      throw new Error('what nobody expected');
    });
    t.mock.method(bed.guest, 'acquire', () => Promise.reject(new Error('what nobody expected')));
    await refused({ 'x-aws-proxy-auth': await bed.token() }, 500, 'Internal error');
  });

  test('token changed in one character, and token of another squib', async () => {
    const token = await bed.token();
    const at = 300;
    const other = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    await refused({ 'x-aws-proxy-auth': other }, 403, 'Token authentication failed');
    const stranger = await Bed.start();
    const foreign = await stranger.token('all', 5, bed.microvmId);
    await stranger.stop();
    await refused({ 'x-aws-proxy-auth': foreign }, 403, 'Token authentication failed');
  });

  test('port outside the token, the default 8080 included', async () => {
    const token = await bed.token([{ startPort: 3000, endPort: 3000 }]);
    await refused({ 'x-aws-proxy-auth': token }, 403, 'Access to port denied');
    await refused({ 'x-aws-proxy-auth': token, 'x-aws-proxy-port': '3001' }, 403, 'Access to port denied');
    const allowed = await bed.ask({ headers: { 'x-aws-proxy-auth': token, 'X-AWS-Proxy-Port': '3000' } });
    assert.equal(allowed.text, 'three');
  });

  test('port inside a range', async () => {
    const token = await bed.token([{ startPort: 8000, endPort: 8100 }]);
    assert.equal((await bed.ask({ headers: { 'x-aws-proxy-auth': token } })).text, 'application');
  });

  test('port that is none', async () => {
    const token = await bed.token();
    for (const port of ['0', '65536', 'abc', '-1', '80.0', '0x50', '8080, 3000', '999999', ' ']) {
      const answer = await bed.ask({ headers: { 'x-aws-proxy-auth': token, 'x-aws-proxy-port': port } });
      assert.equal(answer.status, 400, `port ${port}`);
      assert.match(answer.headers['content-type']!, /^text\/plain/);
    }
  });

  test('authentication is looked at before the port, the port before its permission', async () => {
    await refused(
      { 'x-aws-proxy-auth': 'abc', 'x-aws-proxy-port': '0' },
      403,
      'Request missing authentication',
    );
    const foreign = await bed.token('all', 5, 'microvm-other');
    await refused(
      { 'x-aws-proxy-auth': foreign, 'x-aws-proxy-port': '0' },
      403,
      'Token authentication failed',
    );
    const narrow = await bed.token([{ startPort: 3000, endPort: 3000 }]);
    const answer = await bed.ask({ headers: { 'x-aws-proxy-auth': narrow, 'x-aws-proxy-port': '0' } });
    assert.equal(answer.status, 400);
  });

  test('nobody listens on the port', async () =>
    refused({ 'x-aws-proxy-auth': await bed.token(), 'x-aws-proxy-port': '9' }, 502, ''));

  test('the application does not speak HTTP', async () =>
    refused({ 'x-aws-proxy-auth': await bed.token(), 'x-aws-proxy-port': '25' }, 502, ''));

  test('HTTP/2 forced on an application that has only HTTP/1.1', async () =>
    refused({ 'x-aws-proxy-auth': await bed.token(), 'X-aws-proxy-force-h2': 'true' }, 502, ''));

  test('shell token in a plain request, with and without port', async () => {
    const token = await bed.shellToken();
    await refused({ 'x-aws-proxy-auth': token }, 502, '');
    await refused({ 'x-aws-proxy-auth': token, 'x-aws-proxy-port': '8080' }, 502, '');
  });

  test('suspended without auto-resume, and terminated; a bad token changes nothing', async () => {
    const token = await bed.token();
    bed.guest.suspend(bed.microvmId);
    bed.guest.autoResume = false;
    await refused({ 'x-aws-proxy-auth': token }, 502, '');
    bed.guest.autoResume = true;
    const touches = bed.guest.touches;
    await refused({ 'x-aws-proxy-auth': 'abc' }, 403, 'Request missing authentication');
    assert.equal(bed.guest.state, 'suspended');
    assert.equal(bed.guest.touches, touches);
    bed.guest.state = 'gone';
    await refused({ 'x-aws-proxy-auth': token }, 502, '');
    bed.guest.state = 'running';
  });

  test('MicroVM without connector for application traffic', async () => {
    bed.guest.endpoints.get(bed.host)!.httpIngress = false;
    await refused({ 'x-aws-proxy-auth': await bed.token() }, 403, 'Access to port denied');
    bed.guest.endpoints.get(bed.host)!.httpIngress = true;
  });

  test('preflight of a browser has no shortcut', async () => {
    const answer = await bed.ask({
      method: 'OPTIONS',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'GET' },
    });
    assert.equal(answer.status, 403);
    assert.equal(answer.text, 'Request missing authentication');
  });

  test('HEAD is refused without a body', async () => {
    const answer = await bed.ask({ method: 'HEAD' });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['content-length'], '30');
  });

  test('a denied upload is answered, not cut', async () => {
    const answer = await bed.ask({ method: 'POST', body: Buffer.alloc(300_000) });
    assert.equal(answer.status, 403);
  });

  test('the host decides whatever its case and port', async () => {
    const token = await bed.token();
    const host = `${bed.host.toUpperCase()}:${bed.ingress.port}`;
    assert.equal((await bed.ask({ headers: { host, 'x-aws-proxy-auth': token } })).text, 'application');
  });

  test('the same answers over HTTP/2', async () => {
    const session = connect(`https://127.0.0.1:${bed.ingress.port}`, { ca: bed.ca, servername: bed.host });
    const ask = (headers: Record<string, string>) =>
      new Promise<{ status: number; text: string; id: unknown }>((resolve, reject) => {
        const stream = session.request({ ':authority': bed.host, ':path': '/', ...headers });
        let status = 0;
        let id: unknown;
        let text = '';
        stream.on('response', (head) => {
          status = head[':status']!;
          id = head['x-amzn-requestid'];
        });
        stream.on('data', (chunk) => {
          text += chunk;
        });
        stream.on('end', () => resolve({ status, text, id }));
        stream.on('error', reject);
        stream.end();
      });
    const token = await bed.token();
    const narrow = await bed.token([{ startPort: 3000, endPort: 3000 }]);
    const rows: [Record<string, string>, number, string][] = [
      [{}, 403, 'Request missing authentication'],
      [{ 'x-aws-proxy-auth': 'abc' }, 403, 'Request missing authentication'],
      [{ 'x-aws-proxy-auth': token, ':authority': 'a.b' }, 403, 'Token authentication failed'],
      [{ 'x-aws-proxy-auth': narrow }, 403, 'Access to port denied'],
      [{ 'x-aws-proxy-auth': token, 'x-aws-proxy-port': '0' }, 400, 'Invalid port'],
      [{ 'x-aws-proxy-auth': token, 'x-aws-proxy-port': '9' }, 502, ''],
      [{ 'x-aws-proxy-auth': token }, 200, 'application'],
    ];
    for (const [headers, status, text] of rows) {
      const answer = await ask(headers);
      assert.deepEqual([answer.status, answer.text], [status, text]);
      assert.match(String(answer.id), /^[0-9a-f-]{36}$/);
    }
    session.close();
  });

  test('a refused WebSocket and a plain request to the same port agree', async () => {
    const narrow = await bed.token([{ startPort: 3000, endPort: 3000 }]);
    const client = bed.webSocket([], { 'x-aws-proxy-auth': narrow });
    const message = await new Promise<string>((resolve) => {
      client.on('error', (error: Error) => resolve(error.message));
    });
    assert.match(message, /403/);
    await refused({ 'x-aws-proxy-auth': narrow }, 403, 'Access to port denied');
  });

  test('the access log has a line per request and never a token', async () => {
    const token = await bed.token();
    await bed.get('/secret-path?key=value', { authorization: 'Bearer abc' });
    const all = JSON.stringify(bed.lines);
    assert.ok(!all.includes(token.slice(0, 120)) && !all.includes('key=value') && !all.includes('Bearer'));
    const line = bed.lines.findLast((entry) => entry.event === 'endpoint.request');
    assert.deepEqual(
      [line?.method, line?.path, line?.status, line?.port, line?.microvmId],
      ['GET', '/secret-path', 200, 8080, bed.microvmId],
    );
  });
});

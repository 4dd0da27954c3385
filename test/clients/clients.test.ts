// Real clients: what people use in front of squib's endpoint. The application is a process of this machine.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import type { Browser } from 'playwright-core';
import { readConfig } from '../../src/config/config.ts';
import { testClients } from '../../src/setup/test-clients.ts';
import { startBrowser } from '../console/support/browser.ts';
import { Bed } from '../ingress/harness.ts';
import { freePort } from '../support/free-port.ts';
import { runSteps } from '../support/python-steps.ts';

const run = promisify(execFile);

describe('real clients at the endpoint', () => {
  let bed: Bed;
  let app: ChildProcess;
  let folder: string;
  let url: string;
  let endpoint: string;
  let token: string;
  before(async () => {
    folder = mkdtempSync('/tmp/squib-clients-');
    bed = await Bed.start();
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    for (const [at, port] of [8080, 50_051, 9000].entries()) bed.guest.ports.set(port, ports[at]!);
    const server = fileURLToPath(new URL('./app/server.mjs', import.meta.url));
    app = spawn(process.execPath, [server, ...ports.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(app.stdout!, 'data');
    endpoint = `${bed.host}:${bed.ingress.port}`;
    url = `https://${endpoint}`;
    token = await bed.token();
    setDefaultCACertificates([...getCACertificates('default'), String(bed.ca)]);
  });
  after(async () => {
    app?.kill();
    await bed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const auth = (port = 8080) => ({ 'x-aws-proxy-auth': token, 'x-aws-proxy-port': String(port) });

  test('fetch (undici): answers, bodies, streams of events', async () => {
    assert.equal(await (await fetch(url, { headers: auth() })).text(), 'hello');
    assert.equal((await fetch(url)).status, 403);
    const body = Buffer.alloc(2_000_000, 'x');
    const answer = await fetch(`${url}/echo`, { method: 'POST', body, headers: auth() });
    const { length, sha256 } = (await answer.json()) as { length: number; sha256: string };
    assert.deepEqual([length, sha256], [body.length, createHash('sha256').update(body).digest('hex')]);
    const events = (await fetch(`${url}/events`, { headers: auth() })).body!.getReader();
    assert.equal(Buffer.from((await events.read()).value!).toString(), 'data: first\n\n');
    await fetch(`${url}/seen`, { headers: auth() });
    assert.equal(Buffer.from((await events.read()).value!).toString(), 'data: second\n\n');
    assert.equal((await events.read()).done, true);
  });

  test('Node http2: many streams on one connection', async () => {
    const session = connectHttp2(url, { ca: bed.ca });
    const ask = async (path: string, body?: Buffer) => {
      const stream = session.request({ ':path': path, ':method': body ? 'POST' : 'GET', ...auth() });
      stream.end(body);
      return Buffer.concat(await stream.toArray());
    };
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask('/')));
    assert.ok(answers.every((answer) => answer.toString() === 'hello'));
    const echo = JSON.parse((await ask('/echo', Buffer.alloc(3_000_000))).toString());
    assert.equal(echo.length, 3_000_000);
    assert.equal((await ask('/bytes?count=4000000')).length, 4_000_000);
    session.close();
  });

  for (const version of ['1.1', '2'] as const) {
    test(`curl by HTTP/${version}: download, upload with Expect, exit code of a refusal`, async () => {
      const curl = (path: string, ...args: string[]) =>
        run('curl', [
          ...['-sS', '--fail-with-body', '--cacert', bed.caFile, version === '2' ? '--http2' : '--http1.1'],
          ...['-w', '\n%{http_version} %{http_code} %{size_download}', ...args, url + path],
        ]);
      const withToken = ['-H', `X-aws-proxy-auth: ${token}`];
      assert.equal((await curl('/', ...withToken)).stdout, `hello\n${version} 200 5`);
      const big = join(folder, 'big');
      writeFileSync(big, Buffer.alloc(3_000_000, 'u'));
      const upload = await curl('/echo', ...withToken, '-H', 'Expect: 100-continue', '-T', big);
      assert.equal(JSON.parse(upload.stdout.split('\n')[0]!).length, 3_000_000);
      const { stdout } = await curl('/bytes?count=3000000', ...withToken, '-o', '/dev/null');
      assert.equal(stdout.trim(), `${version} 200 3000000`);
      await assert.rejects(curl('/'), { code: 22, stdout: /^Request missing authentication\n/ });
    });
  }

  test('@grpc/grpc-js: four kinds of calls, trailers, status, deadline', async () => {
    const client = new grpc.Client(endpoint, grpc.credentials.createSsl(bed.ca));
    const same = (bytes: Buffer) => bytes;
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(auth(50051))) metadata.set(name, value);
    metadata.set('x-question', 'why');
    const path = (name: string) => `/test.Echo/${name}`;
    const collect = async (call: AsyncIterable<Buffer>) => String(await buffer(call));

    let trailers: grpc.Metadata | undefined;
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      client
        .makeUnaryRequest(path('Unary'), same, same, Buffer.from('one'), metadata, (error, value) =>
          error ? reject(error) : resolve(value),
        )
        .on('status', (status) => {
          trailers = status.metadata;
        });
    });
    assert.equal(String(answer), 'one');
    assert.deepEqual(trailers?.get('x-question'), ['why']);
    assert.deepEqual(trailers?.get('x-answer-bin'), [Buffer.from([0, 255])]);
    assert.deepEqual(trailers?.get('x-aws-proxy-auth'), []);
    assert.equal(
      await collect(client.makeServerStreamRequest(path('Split'), same, same, Buffer.from('abc'), metadata)),
      'abc',
    );
    const joined = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(path('Join'), same, same, metadata, (error, value) =>
        error ? reject(error) : resolve(value),
      );
      for (let part = 0; part < 20; part++) call.write(Buffer.alloc(50_000, part));
      call.end();
    });
    assert.equal(joined?.length, 1_000_000);
    const chat = client.makeBidiStreamRequest(path('Chat'), same, same, metadata);
    chat.write(Buffer.from('question'));
    assert.equal(String((await once(chat, 'data'))[0]), 'question');
    chat.end();
    assert.equal(await collect(chat), '');
    const failure = (name: string, options: grpc.CallOptions = {}) =>
      new Promise<grpc.ServiceError>((resolve) =>
        client.makeUnaryRequest(path(name), same, same, Buffer.alloc(0), metadata, options, (error) =>
          resolve(error!),
        ),
      );
    const failed = await failure('Fail');
    assert.deepEqual([failed.code, failed.details], [grpc.status.FAILED_PRECONDITION, 'not like this: ü']);
    const late = await failure('Sleep', { deadline: Date.now() + 1000 });
    assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED);
    // The application hears of it, too.
    for (;;) {
      const seen = await (await fetch(url, { headers: auth(9000) })).json();
      if ((seen as string[]).includes('cancelled')) break;
    }
    client.close();
  });

  test('Python clients', async (t) => {
    const clients = testClients(readConfig().cacheDir);
    const script = fileURLToPath(new URL('./python_clients.py', import.meta.url));
    // The resolver of gRPC's own does not know that names below localhost are this machine.
    const trust = { SSL_CERT_FILE: bed.caFile, REQUESTS_CA_BUNDLE: bed.caFile };
    const env = { PATH: process.env.PATH, ...trust, GRPC_DNS_RESOLVER: 'native' };
    await runSteps(t, spawn(clients.python, ['-B', script], { env }), { endpoint, token, ca: bed.caFile });
  });

  describe('Chromium', () => {
    let browser: Browser;
    before(async () => {
      browser = await startBrowser();
    });
    after(() => browser?.close());
    const newPage = async () => (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    test('a browser link opens the application: its page, its requests, its WebSocket, and no cookie for it to see', async () => {
      const made = bed.links.make(
        {
          ...{ microvmId: bed.microvmId, kind: 'browser', expiresAt: Date.now() + 600_000 },
          ports: [{ startPort: 8080, endPort: 8080 }],
        },
        '/page.html',
      );
      const link = url + made.path;
      const page = await newPage();
      await page.goto(link);
      assert.equal(page.url(), `${url}/page.html`);
      await page.waitForFunction('/from the page/.test(out.textContent) && /posted/.test(out.textContent)');
      const seen = await page.textContent('#out');
      assert.match(seen ?? '', /posted 100000, cookie none/);
      assert.match(seen ?? '', /"cookie":null/);
      assert.equal(await page.evaluate('document.cookie'), '');
      // The application's own cookies are its own.
      await page.goto(`${url}/cookie`);
      await page.goto(`${url}/cookie`);
      assert.equal(await page.textContent('body'), 'session=of-the-app');
      const again = await page.goto(link);
      assert.equal(again?.status(), 403);
    });
  });

  test('no token of any client is in the log', () => {
    const log = JSON.stringify(bed.lines);
    assert.ok(log.includes('endpoint.request'));
    assert.ok(!log.includes(token.slice(-40)));
  });
});

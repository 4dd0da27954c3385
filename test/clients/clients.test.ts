// Real clients, real MicroVM: what people use in front of squib's endpoint.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import type { Browser } from 'playwright-core';
import { callSquib } from '../../src/cli/api/call.ts';
import { readConfig } from '../../src/config/config.ts';
import { clientEnvironment } from '../../src/daemon/client-environment.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { testClients } from '../../src/setup/test-clients.ts';
import { startBrowser } from '../console/support/browser.ts';
import { load } from '../load/load.ts';
import { runSteps } from '../support/python-steps.ts';
import { startWorld, type World } from './world.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../bin/squib', import.meta.url));

describe('real clients at the endpoint of a MicroVM', () => {
  let world: World;
  let folder: string;
  let caFile: string;
  let url: string;
  before(async () => {
    folder = mkdtempSync('/tmp/squib-clients-');
    world = await startWorld();
    caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, world.squib.ca);
    url = `https://${world.endpoint}`;
    setDefaultCACertificates([...getCACertificates('default'), world.squib.ca]);
  });
  after(async () => {
    await world?.squib.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const auth = (port = 8080) => ({ 'x-aws-proxy-auth': world.token, 'x-aws-proxy-port': String(port) });

  test('fetch (undici): answers, bodies, streams of events', async () => {
    assert.equal(await (await fetch(url, { headers: auth() })).text(), 'hello');
    assert.equal((await fetch(url)).status, 403);
    const body = Buffer.alloc(2_000_000, 'x');
    const answer = await fetch(`${url}/echo`, { method: 'POST', body, headers: auth() });
    const { length, sha256, peer } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([length, sha256], [body.length, createHash('sha256').update(body).digest('hex')]);
    assert.match(String(peer), /^(?:::ffff:)?127\.0\.0\.1$/);
    const hook = `${url}/aws/lambda-microvms/runtime/v1/suspend`;
    assert.equal((await fetch(hook, { method: 'POST', headers: auth(9000) })).status, 200);
    const events = (await fetch(`${url}/events`, { headers: auth() })).body!.getReader();
    assert.equal(Buffer.from((await events.read()).value!).toString(), 'data: first\n\n');
    await fetch(`${url}/seen`, { headers: auth() });
    assert.equal(Buffer.from((await events.read()).value!).toString(), 'data: second\n\n');
    assert.equal((await events.read()).done, true);
  });

  test('Node http2: many streams on one connection', async () => {
    const session = connectHttp2(url, { ca: world.squib.ca });
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
          ...['-sS', '--fail-with-body', '--cacert', caFile, version === '2' ? '--http2' : '--http1.1'],
          ...['-w', '\n%{http_version} %{http_code} %{size_download}', ...args, url + path],
        ]);
      const token = ['-H', `X-aws-proxy-auth: ${world.token}`];
      assert.equal((await curl('/', ...token)).stdout, `hello\n${version} 200 5`);
      const big = join(folder, 'big');
      writeFileSync(big, Buffer.alloc(3_000_000, 'u'));
      const upload = await curl('/echo', ...token, '-H', 'Expect: 100-continue', '-T', big);
      assert.equal(JSON.parse(upload.stdout.split('\n')[0]!).length, 3_000_000);
      const { stdout } = await curl('/bytes?count=3000000', ...token, '-o', '/dev/null');
      assert.equal(stdout.trim(), `${version} 200 3000000`);
      await assert.rejects(curl('/'), { code: 22, stdout: /^Request missing authentication\n/ });
    });
  }

  test('@grpc/grpc-js: four kinds of calls, trailers, status, deadline', async () => {
    const client = new grpc.Client(world.endpoint, grpc.credentials.createSsl(Buffer.from(world.squib.ca)));
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
    const { config, layout } = world.squib;
    const env = { PATH: process.env.PATH, ...clientEnvironment(config, layout), GRPC_DNS_RESOLVER: 'native' };
    const { endpoint, token, shellToken } = world;
    await runSteps(t, spawn(clients.python, ['-B', script], { env }), {
      endpoint,
      token,
      shellToken,
      ca: caFile,
    });
  });

  describe('squib connect', () => {
    test('a browser, a tool and a gRPC client without tokens; Ctrl-C ends it', async () => {
      const { config, layout } = world.squib;
      const env = { PATH: process.env.PATH, ...clientEnvironment(config, layout) };
      const child = spawn(program, ['connect', world.id, '0:8080', '0:50051'], { env });
      const errors = text(child.stderr);
      let out = '';
      for await (const chunk of child.stdout) {
        out += chunk;
        if (out.includes('Ctrl-C')) break;
      }
      const [app = '', rpc = ''] = [
        ...out.matchAll(/http:\/\/(localhost:\d+) {2}→ {2}microvm-\S+ port (?:8080|50051)/g),
      ].map(([, address]) => address);
      assert.equal(await (await fetch(`http://${app}/`)).text(), 'hello');
      const socket = new WebSocket(`ws://${app}/socket`);
      const [{ data }] = (await once(socket as never, 'message')) as [MessageEvent];
      assert.deepEqual(JSON.parse(data), { protocols: null, cookie: null });
      socket.close();
      const client = new grpc.Client(rpc, grpc.credentials.createInsecure());
      const same = (bytes: Buffer) => bytes;
      const answer = await new Promise<unknown>((resolve) =>
        client.makeUnaryRequest('/test.Echo/Unary', same, same, Buffer.from('hi'), (error, value) =>
          resolve(error ?? value),
        ),
      );
      assert.equal(String(answer), 'hi');
      client.close();
      child.kill('SIGINT');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      assert.equal(await errors, '');
    });

    test('a MicroVM that is not there, and a port that is none', async () => {
      const { config, layout } = world.squib;
      const env = { PATH: process.env.PATH, ...clientEnvironment(config, layout) };
      const connect = (...args: string[]) => run(program, ['connect', ...args], { env });
      await assert.rejects(connect('microvm-00000000-0000-4000-8000-000000000000'), {
        code: 1,
        stderr: /MicroVM not found/,
      });
      await assert.rejects(connect(world.id, '99999'), { code: 2, stderr: /is not a port/ });
      await assert.rejects(connect(), { code: 2, stderr: /ID is missing/ });
    });
  });

  describe('Chromium', () => {
    let browser: Browser;
    before(async () => {
      browser = await startBrowser();
    });
    after(() => browser?.close());
    const newPage = async () => (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    const linkTo = async (path: string) => {
      const { config, layout } = world.squib;
      const connection = {
        ...{ endpoint: `http://127.0.0.1:${config.api.port}`, region: config.region },
        ...readRootCredential(layout.keys),
      };
      return (await callSquib(connection, 'CreateBrowserLink', { microvmIdentifier: world.id, path })).url;
    };

    test('a browser link opens the application: its page, its requests, its WebSocket, and no cookie for it to see', async () => {
      const link = await linkTo('/page.html');
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

    test('xterm.js in a page is a terminal of the MicroVM', async () => {
      const link = await linkTo('/shell.html');
      const page = await newPage();
      await page.goto(link);
      await page.evaluate(`openShell('wss://${world.endpoint}/shell', '${world.shellToken}')`);
      const shows = (pattern: string) =>
        page.waitForFunction(`new RegExp(${JSON.stringify(pattern)}).test(screenText())`);
      await shows('λ \\$');
      assert.equal(await page.evaluate('protocol()'), 'lambda-microvms');
      await page.keyboard.type('stty size; printf "\\342\\202\\254 %s\\n" $((6*7))');
      await page.keyboard.press('Enter');
      await shows('30 100[^]*€ 42');
      assert.equal(JSON.parse((await page.evaluate('texts[0]')) as string).type, 'session_init');
      // It says itself that it runs; before that the key would go to the shell.
      await page.keyboard.type(`sh -c "echo as''leep; exec sleep 1000"`);
      await page.keyboard.press('Enter');
      await shows('\\nasleep');
      await page.keyboard.press('Control+c');
      await page.keyboard.type('exit 3');
      await page.keyboard.press('Enter');
      await page.waitForFunction('window.closedWith !== undefined');
      assert.equal(await page.evaluate('closedWith'), '1000 shell exited');
    });
  });

  test('200 connections over 4 MicroVMs: no error, and memory stays', async (t) => {
    const order = { connections: 200, microvms: 4, seconds: 10 };
    const { exchanges, errors, memory } = await load(world, order);
    t.diagnostic(`${exchanges} exchanges, memory ${JSON.stringify(memory)}`);
    assert.deepEqual(errors, []);
    assert.ok(exchanges >= 200);
    assert.ok(memory.last < memory.first * 1.25 + 32, JSON.stringify(memory));
  });

  test('no token of any client is in the log', () => {
    const { log } = world.squib;
    assert.ok(log.includes('endpoint.request'));
    for (const secret of [world.token, world.shellToken]) assert.ok(!log.includes(secret.slice(-40)));
  });
});

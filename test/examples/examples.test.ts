// Every folder of examples/ as its README says: built from a zip, run, and used through its endpoint. flask-hello is the
// one that README.md of the project shows, which test/docs/guides.test.ts follows.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { on, once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { join, relative } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { CreateMicrovmShellAuthTokenCommand } from '@aws-sdk/client-lambda-microvms';
import { WebSocket } from 'ws';
import { buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { askTerminate } from '../support/lifecycle.ts';
import { mint, run, type TestMicrovm } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

const folder = new URL('../../examples/', import.meta.url).pathname;

const readyHook = {
  port: 9000,
  microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 },
} as const;
const hooks: Record<string, object> = {
  'node-server': readyHook,
  jupyter: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 900 } },
  'code-sandbox': { ...readyHook, microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 30 } },
};

describe('examples', { timeout: 1_800_000 }, () => {
  let squib: TestSquib;
  let running: TestMicrovm;

  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib.remove());
  // Nobody needs it any more; the next build needs the processor.
  afterEach(() => askTerminate(squib, running.id));

  async function build(name: string): Promise<string> {
    const uri = await put(squib, `${name}.zip`, await zip(filesOf(join(folder, name))));
    const arn = await createImage(squib, name, uri, hooks[name] ? { hooks: hooks[name] } : {});
    const { state, reason } = await imageSettled(squib, arn);
    assert.equal(state, 'CREATED', `${reason}\n${state === 'CREATED' ? '' : await buildLog(squib, name)}`);
    return arn;
  }

  const start = async (name: string, settings: Parameters<typeof run>[2] = {}): Promise<TestMicrovm> => {
    running = await run(squib, await build(name), settings);
    return running;
  };

  const connection = (microvm: TestMicrovm) => {
    const { hostname } = new URL(`https://${microvm.endpoint}`);
    return { host: '127.0.0.1', port: squib.config.endpoint.port, servername: hostname, ca: squib.ca };
  };

  test('node-server', async () => {
    const app = await start('node-server');
    const { visits, node } = await app.json('/hello');
    assert.equal(visits, 1);
    assert.match(String(node), /^v24\./);
  });

  test('static-binary', async () => {
    const app = await start('static-binary');
    assert.equal((await app.send('/')).body, 'request 1, process 1\n');
  });

  test('multi-stage', async () => {
    const app = await start('multi-stage');
    assert.match((await app.send('/about.html')).body, /<h1>About<\/h1>\n<p>Two stages/);
    assert.match((await app.send('/robots.txt')).body, /^User-agent/);
  });

  test('code-sandbox', async () => {
    const app = await start('code-sandbox', { runHookPayload: 'for a user' });
    const token = await mint(squib, app.id);
    const execute = async (code: string, timeout = 10) => {
      const headers = { host: app.endpoint, 'x-aws-proxy-auth': token, 'content-type': 'application/json' };
      const outgoing = request({
        ...connection(app),
        method: 'POST',
        path: '/execute',
        headers,
        agent: false,
      });
      outgoing.end(JSON.stringify({ code, timeout }));
      const [response] = await once(outgoing, 'response');
      return JSON.parse(Buffer.concat(await response.toArray()).toString());
    };
    assert.equal((await execute('print(6 * 7); open("kept", "w").write("yes")')).stdout, '42\n');
    assert.equal((await execute('import os; print(open("kept").read(), os.getuid())')).stdout, 'yes 2000\n');
    assert.equal((await execute('while True: pass', 0.5)).timedOut, true);
    assert.match((await execute('1 / 0')).stderr, /ZeroDivisionError/);
    const { microvmId, payload } = await app.json('/');
    assert.deepEqual([microvmId, payload], [app.id, 'for a user']);
  });

  test('websocket-chat', async () => {
    const app = await start('websocket-chat');
    const headers = { 'x-aws-proxy-auth': await mint(squib, app.id) };
    const join = () => new WebSocket(`wss://${app.endpoint}/`, { ...connection(app), headers });
    const [one, other] = [join(), join()];
    await Promise.all([once(one, 'open'), once(other, 'open')]);
    const heard = once(other, 'message');
    one.send('good morning');
    assert.equal(String((await heard)[0]), 'good morning');
    const late = join();
    assert.equal(String((await once(late, 'message'))[0]), 'good morning');
    for (const socket of [one, other, late]) socket.terminate();
  });

  test('grpc-greeter', async () => {
    const app = await start('grpc-greeter');
    const session = connect(`https://${app.endpoint}`, connection(app));
    const token = await mint(squib, app.id);
    const call = async (method: string, message: Buffer) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/greeter.Greeter/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        'x-aws-proxy-auth': token,
        'x-aws-proxy-port': '50051',
        'x-aws-proxy-force-h2': 'true',
      });
      let head: Record<string, unknown> = {};
      let trailers: Record<string, unknown> = {};
      stream.on('response', (fields) => {
        head = fields;
      });
      stream.on('trailers', (fields) => {
        trailers = fields;
      });
      const length = Buffer.alloc(5);
      length.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([length, message]));
      const body = Buffer.concat(await stream.toArray());
      return { body, status: trailers['grpc-status'], head };
    };
    const greeting = await call('Greet', Buffer.from('\n\x05squib'));
    assert.equal(greeting.status, '0', JSON.stringify(greeting));
    assert.match(greeting.body.toString(), /Hello, squib$/);
    const numbers = await call('Count', Buffer.from([8, 3]));
    assert.equal(numbers.body.toString('hex'), '00000000020801'.concat('00000000020802', '00000000020803'));
    session.close();
  });

  test('jupyter', async () => {
    const app = await start('jupyter');
    assert.match((await app.send('/lab')).body, /<title>JupyterLab<\/title>/);
    const [kernel] = JSON.parse((await app.send('/api/kernels')).body);
    const session = randomUUID();
    const headers = { 'x-aws-proxy-auth': await mint(squib, app.id) };
    const path = `/api/kernels/${kernel.id}/channels?session_id=${session}`;
    const socket = new WebSocket(`wss://${app.endpoint}${path}`, { ...connection(app), headers });
    await once(socket, 'open');
    const execute = async (code: string): Promise<string> => {
      const header = {
        ...{ msg_id: randomUUID(), session, username: 'test', date: new Date().toISOString() },
        ...{ msg_type: 'execute_request', version: '5.3' },
      };
      const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
      socket.send(JSON.stringify({ header, content, parent_header: {}, metadata: {}, channel: 'shell' }));
      let text = '';
      for await (const [data] of on(socket, 'message')) {
        const message = JSON.parse(String(data));
        if (message.parent_header.msg_id !== header.msg_id) continue;
        if (message.msg_type === 'stream') text += message.content.text;
        if (message.msg_type === 'status' && message.content.execution_state === 'idle') return text;
      }
      return text;
    };
    assert.equal(await execute('answer = 6 * 7\nprint(answer)'), '42\n');
    assert.equal(
      await execute('import os; print(answer + 1, os.getuid(), os.getcwd())'),
      '43 2000 /home/jupyter\n',
    );
    socket.terminate();
  });

  test('agent-shell', async () => {
    const connector = `arn:aws:lambda:${squib.config.region}:aws:network-connector:aws-network-connector:SHELL_INGRESS`;
    const app = await start('agent-shell', { ingressNetworkConnectors: [connector] });
    const { authToken } = await squib.clients.microvms.send(
      new CreateMicrovmShellAuthTokenCommand({ microvmIdentifier: app.id, expirationInMinutes: 5 }),
    );
    const headers = { 'x-aws-proxy-auth': authToken?.['X-aws-proxy-auth'] ?? '' };
    const shell = new WebSocket(`wss://${app.endpoint}/shell`, { ...connection(app), headers });
    let output = '';
    shell.on('message', (data, binary) => {
      if (binary) output += String(data);
    });
    await once(shell, 'open');
    shell.send(Buffer.from('note first thought; note; echo "$(id -un) in $(pwd)"; exit\r'));
    await once(shell, 'close');
    assert.match(output, /Z first thought\r\n/);
    assert.match(output, /root in \/home\/agent\r\n/);
  });
});

function filesOf(root: string): Record<string, Buffer> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
  return Object.fromEntries(
    paths.filter((path) => statSync(path).isFile()).map((path) => [relative(root, path), readFileSync(path)]),
  );
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import WebSocket from 'ws';
import { sign } from '../../src/aws/client/sign.ts';
import { CommandSockets } from '../../src/extensions/commands/command-sockets.ts';
import { commandHandlers } from '../../src/extensions/commands/handlers.ts';
import type { SquibHandlers } from '../../src/extensions/squib-model.ts';
import { createLog } from '../../src/log/log.ts';
import { caller, openLab } from '../control/lab/lab.ts';
import { CREDENTIAL, type Running, raw, start } from './harness.ts';

const credential = { ...CREDENTIAL, region: caller.region };

async function open(t: TestContext) {
  const lab = openLab(t);
  const id = await lab.microvm();
  const sockets = new CommandSockets(
    lab.control.commands,
    createLog(() => {}),
  );
  t.after(() => sockets.close());
  const extensions = commandHandlers(lab.control.commands, sockets) as SquibHandlers;
  const door = await start(t, {}, { extensions });
  return { lab, id, door, sockets };
}

function headersFor({ url: base }: Running, method: string, path: string, payload?: string) {
  const url = new URL(path, base);
  return sign(
    { method, url, headers: {}, body: '', ...(payload && { payload }) },
    credential,
    'squib',
    Date.now(),
  );
}

const execPath = (id: string) => `/_squib/v1/microvms/${id}/exec`;

/** All that squib says on a connection until its end: texts parsed, binary as it is. */
async function talk(door: Running, id: string, say: (socket: WebSocket) => void) {
  const path = execPath(id);
  const socket = new WebSocket(`${door.url.replace('http', 'ws')}${path}`, {
    headers: headersFor(door, 'GET', path),
  });
  const heard: unknown[] = [];
  socket.on('message', (data, binary) => {
    heard.push(binary ? String(data) : JSON.parse(String(data)));
    if (!binary && String(data).includes('started')) socket.emit('started');
  });
  await once(socket, 'open');
  say(socket);
  const [code] = await once(socket, 'close');
  return { heard, code };
}

const json = (message: unknown) => JSON.stringify(message);

test('a command speaks over its connection: started, output, exit', async (t) => {
  const { door, id } = await open(t);
  const { heard, code } = await talk(door, id, (socket) => {
    socket.send(json({ type: 'start', command: ['echo', '7'] }));
    // Sent before it runs: kept for it.
    socket.send(Buffer.from('hello'));
    socket.send(json({ type: 'end' }));
  });
  assert.deepEqual(heard, [{ type: 'started' }, '\u0001hello', { type: 'exit', code: 7 }]);
  assert.equal(code, 1000);
});

test('signals go by name; what is no message ends the command with words', async (t) => {
  const { door, id } = await open(t);
  const begin = { type: 'start', command: ['echo'] };
  const say = async (then: string) => {
    const { heard } = await talk(door, id, (socket) => {
      socket.send(json(begin));
      socket.once('started', () => socket.send(then));
    });
    return heard.at(-1);
  };
  assert.deepEqual(await say(json({ type: 'signal', signal: 'TERM' })), { type: 'exit', code: 143 });
  for (const [then, message] of [
    ['{', 'A text message must be JSON.'],
    [json({ type: 'signal', signal: 'NONSENSE' }), 'There is no signal "NONSENSE".'],
    [
      json({ type: 'resize', columns: -1, rows: 1 }),
      'The message of type "resize" is not known, or not complete.',
    ],
    [json(begin), 'The command was started already.'],
  ] as const) {
    assert.deepEqual(await say(then), { type: 'error', message });
  }
});

test('a first message that does not say what to run is refused', async (t) => {
  const { door, id } = await open(t);
  for (const [first, message] of [
    [json({ type: 'end' }), /first message must be of type 'start'/],
    [json({ type: 'start', command: [] }), /'command' must be a list of texts/],
    [json({ type: 'start', command: ['a', 1] }), /'command' must be a list of texts/],
    [json({ type: 'start', command: ['a\0b'] }), /zero byte/],
    [json({ type: 'start', command: ['a'], environment: { 'A=B': 'c' } }), /names in 'environment'/],
    [json({ type: 'start', command: ['a'], workingDirectory: 'b' }), /absolute path/],
    [json({ type: 'start', command: ['a'], terminal: { columns: 1e9, rows: 1 } }), /'terminal'/],
    [Buffer.from('binary'), /must be JSON/],
  ] as const) {
    const { heard } = await talk(door, id, (socket) => socket.send(first));
    const [said] = heard as { type: string; message: string }[];
    assert.equal(said?.type, 'error');
    assert.match(said?.message ?? '', message);
  }
});

test('a client that goes away takes its command with it, and squib does not wait for clients', async (t) => {
  const { door, id, lab, sockets } = await open(t);
  const sessions: { exited: Promise<number | undefined> }[] = [];
  const { exec } = lab.host;
  lab.host.exec = async (...order) => {
    const session = await exec.apply(lab.host, order);
    sessions.push(session);
    return session;
  };
  await talk(door, id, (socket) => {
    socket.send(json({ type: 'start', command: ['echo'] }));
    socket.once('started', () => socket.terminate());
  });
  assert.equal(await sessions[0]?.exited, undefined);
  const { code } = await talk(door, id, (socket) => {
    socket.send(json({ type: 'start', command: ['echo'] }));
    socket.once('started', () => sockets.close());
  });
  assert.ok(code === 1001 || code === 1006);
  assert.equal(await sessions[1]?.exited, undefined);
});

test('a handshake is refused as any call is, with its audit record', async (t) => {
  const { door, id } = await open(t);
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const unsigned = await raw(door, { path: execPath(id), headers: { ...upgrade, ...key } });
  assert.equal(unsigned.status, 403);
  const unknown = await raw(door, {
    path: execPath('microvm-x'),
    headers: { ...headersFor(door, 'GET', execPath('microvm-x')), ...upgrade, ...key },
  });
  assert.deepEqual([unknown.status, unknown.headers['x-amzn-errortype']], [404, 'ResourceNotFoundException']);
  const plain = await raw(door, { path: execPath(id), headers: headersFor(door, 'GET', execPath(id)) });
  assert.equal(plain.status, 400);
  assert.match(plain.body, /wants a WebSocket handshake/);
  await talk(door, id, (socket) => socket.send('{'));
  const { operation, status, input, caller: who } = door.audit.at(-1)!;
  assert.deepEqual(
    [operation, status, input, who?.arn],
    ['ExecMicrovm', 101, { microvmIdentifier: id }, CREDENTIAL.arn],
  );
});

test('others who wish for another protocol are answered as if they had not', async (t) => {
  const { door } = await open(t);
  const { status } = await raw(door, {
    path: '/2025-09-09/microvms',
    headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQ' },
  });
  assert.equal(status, 403);
});

test('files are put with a body that is not signed, and say so', async (t) => {
  const { door, id } = await open(t);
  const path = `/_squib/v1/microvms/${id}/files?path=/tmp`;
  const signed = await raw(door, { method: 'PUT', path, headers: headersFor(door, 'PUT', path), body: 'x' });
  assert.equal(signed.status, 403);
  assert.match(signed.body, /'x-amz-content-sha256' must be 'UNSIGNED-PAYLOAD'/);
  const relative = `/_squib/v1/microvms/${id}/files?path=tmp`;
  const headers = headersFor(door, 'PUT', relative, 'UNSIGNED-PAYLOAD');
  const refused = await raw(door, { method: 'PUT', path: relative, headers, body: 'x' });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /path/);
});

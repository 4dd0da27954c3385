import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuestConnection, GuestGone, GuestProtocolError } from '../../src/guest/guest-connection.ts';
import {
  frameType,
  headerSize,
  marker,
  nonceSize,
  payloadMax,
  receiveWindow,
  stdoutStream,
  uint32,
  writeHeader,
} from '../../src/guest/protocol.ts';

function frame(stream: number, type: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(headerSize);
  writeHeader(header, stream, type, payload.length);
  return Buffer.concat([header, payload]);
}

const hello = frame(0, frameType.hello, Buffer.from([1, 0, 1, 0, 0, 0, 0, 0]));

/** A compromised agent: greets as it should, then does what the test says. */
async function connect(greetingFrames = hello) {
  const [host, agent] = duplexPair();
  agent.once('data', (greeting: Buffer) => {
    const nonce = greeting.subarray(marker.length, marker.length + nonceSize);
    agent.write(Buffer.concat([marker, nonce, greetingFrames]));
    agent.resume();
  });
  const connection = await GuestConnection.open(host, { timeoutMs: 2_000 });
  return { connection, agent };
}

/** Waits for the stream to be asked for, and accepts it. */
async function opened(connection: GuestConnection, agent: Awaited<ReturnType<typeof connect>>['agent']) {
  const dialling = connection.dial(80);
  const [open] = (await once(agent, 'data')) as [Buffer];
  const id = open.readUInt32LE(0);
  agent.write(frame(id, frameType.opened, uint32(1000)));
  const stream = await dialling;
  stream.on('error', () => {});
  return { id, stream };
}

describe('an agent that breaks the protocol loses the connection', () => {
  const data = (id: number, length: number) => frame(id, frameType.data, Buffer.alloc(length));
  const cases: Record<string, (id: number) => Buffer> = {
    'a frame that is too long': (id) => {
      const header = Buffer.alloc(headerSize);
      writeHeader(header, id, frameType.data, payloadMax + 1);
      return header;
    },
    'data without credit': (id) =>
      Buffer.concat(Array.from({ length: receiveWindow / payloadMax + 1 }, () => data(id, payloadMax))),
    'data after the end': (id) => Buffer.concat([frame(id, frameType.end), data(id, 1)]),
    'credit beyond counting': (id) => frame(id, frameType.credit, uint32(0xffff_ffff)),
    'a second answer to an opening': (id) => frame(id, frameType.opened, uint32(1)),
    'an exit of something that is no shell': (id) => frame(id, frameType.exit, uint32(1)),
    'an unknown frame on a stream': (id) => frame(id, 99),
    'an unknown control frame': () => frame(0, 99),
    'a second greeting': () => hello,
    'a stream that only the host may open': () => frame(2 ** 24 + 1, frameType.data),
    'a reply to nothing': () => frame(0, frameType.reply, Buffer.alloc(5)),
    'a goodbye that nobody said': () => frame(0, frameType.goodbye),
    'output without credit': () =>
      Buffer.concat(Array.from({ length: 9 }, () => data(stdoutStream, payloadMax))),
    'a fault with control characters': () => frame(0, frameType.fault, Buffer.from('\x1b[2Jgone\n')),
  };
  for (const [name, attack] of Object.entries(cases)) {
    test(name, async () => {
      const { connection, agent } = await connect();
      const { id, stream } = await opened(connection, agent);
      agent.write(attack(id));
      const reason = await connection.closed;
      assert.ok(reason instanceof GuestProtocolError, String(reason));
      assert.match(reason.message, /^[ -~]+$/);
      if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
      await assert.rejects(connection.dial(80), GuestProtocolError);
      await assert.rejects(connection.freeze(), GuestProtocolError);
      await connection.close();
    });
  }
});

describe('an agent that does not greet', () => {
  for (const [name, bytes] of Object.entries({
    'with the right version': frame(0, frameType.hello, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])),
    'with HELLO first': frame(0, frameType.goodbye),
    'without a fault': frame(0, frameType.fault, Buffer.from('no')),
  })) {
    test(name, async () => assert.rejects(connect(bytes), GuestProtocolError));
  }

  test('at all', async () => {
    const [host, agent] = duplexPair();
    agent.resume();
    await assert.rejects(GuestConnection.open(host, { timeoutMs: 50 }), GuestGone);
    assert.ok(host.destroyed);
  });

  test('and closes', async () => {
    const [host, agent] = duplexPair();
    agent.resume();
    agent.end();
    await assert.rejects(GuestConnection.open(host, { timeoutMs: 5_000 }), GuestGone);
  });
});

test('random frames end in an error or nothing, never in an exception or in unbounded memory', async () => {
  for (let round = 0; round < 60; round++) {
    const { connection, agent } = await connect();
    const { id } = await opened(connection, agent);
    for (let i = 0; i < 40 && !agent.destroyed; i++) {
      const stream = [0, 2, 4, id, id + 2, randomBytes(4).readUInt32LE()][randomBytes(1)[0]! % 6]!;
      agent.write(frame(stream, randomBytes(1)[0]! % 26, randomBytes(randomBytes(1)[0]! % 12)));
    }
    agent.end();
    const reason = await connection.closed;
    assert.ok(reason instanceof GuestProtocolError || reason instanceof GuestGone, String(reason));
  }
});

test('a stream that is not read holds the agent back, and one that is goes on', async () => {
  const { connection, agent } = await connect();
  const { id, stream } = await opened(connection, agent);
  const granted: number[] = [];
  agent.on('data', (bytes: Buffer) => {
    if (bytes[4] === frameType.credit) granted.push(bytes.readUInt32LE(headerSize));
  });
  for (let sent = 0; sent < receiveWindow; sent += payloadMax) {
    agent.write(frame(id, frameType.data, Buffer.alloc(payloadMax)));
  }
  await sleep(20);
  assert.ok(
    granted.reduce((sum, credit) => sum + credit, 0) <= receiveWindow / 4,
    'granted without a reader',
  );
  let read = 0;
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  await sleep(20);
  assert.equal(read, receiveWindow);
  assert.ok(granted.reduce((sum, credit) => sum + credit, 0) >= (receiveWindow * 3) / 4);
  await connection.close();
});

test('a stream that is reset as soon as it is open ends, and nothing else does', async () => {
  const { connection, agent } = await connect();
  for (const listening of [true, false]) {
    const dialling = connection.dial(80);
    const [open] = (await once(agent, 'data')) as [Buffer];
    const id = open.readUInt32LE(0);
    agent.write(Buffer.concat([frame(id, frameType.opened, uint32(9)), frame(id, frameType.reset)]));
    const stream = await dialling;
    const errors: Error[] = [];
    if (listening) stream.on('error', (error) => errors.push(error));
    stream.write('into the void');
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(errors.length, listening ? 1 : 0);
  }
  agent.end();
});

test('writes wait for credit', async () => {
  const { connection, agent } = await connect();
  const { id, stream } = await opened(connection, agent);
  let received = 0;
  agent.on('data', (bytes: Buffer) => {
    if (bytes.readUInt32LE(0) === id) received += bytes.length - headerSize;
  });
  let written = false;
  stream.write(Buffer.alloc(1500), () => {
    written = true;
  });
  await sleep(20);
  assert.equal(received, 1000);
  assert.equal(written, false);
  agent.write(frame(id, frameType.credit, uint32(500)));
  await sleep(20);
  assert.equal(received, 1500);
  assert.ok(written);
  stream.destroy();
  agent.end();
});

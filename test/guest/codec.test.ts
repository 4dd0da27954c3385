import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { GuestProtocolError } from '../../src/guest/errors.ts';
import { FrameParser } from '../../src/guest/frame-parser.ts';
import { FrameWriter } from '../../src/guest/frame-writer.ts';
import { AnswerFinder, greeting } from '../../src/guest/handshake.ts';
import {
  type Frame,
  followingStreamId,
  frameType,
  headerSize,
  marker,
  payloadMax,
  payloadsOf,
  writeHeader,
} from '../../src/guest/protocol.ts';

const below = (limit: number) => randomBytes(4).readUInt32LE() % limit;

function encode({ stream, type, payload }: Frame): Buffer {
  const header = Buffer.alloc(headerSize);
  writeHeader(header, stream, type, payload.length);
  return Buffer.concat([header, payload]);
}

/** Pieces of random size, many of them tiny. */
function* shredded(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(below(4) === 0 ? 60_000 : 12);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** Bytes in which pieces of the marker are frequent. */
function treacherous(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let total = 0; total < length; ) {
    const part = below(2) === 0 ? marker.subarray(below(8), 9 + below(8)) : randomBytes(below(30));
    parts.push(below(4) === 0 ? marker : part);
    total += parts.at(-1)!.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

describe('frames', () => {
  test('arrive as sent, however the bytes are cut', () => {
    for (let round = 0; round < 30; round++) {
      const frames = Array.from({ length: 40 }, () => ({
        stream: below(2 ** 32),
        type: below(256),
        payload: randomBytes(below(5) === 0 ? below(payloadMax + 1) : below(40)),
      }));
      const received: Frame[] = [];
      const parser = new FrameParser((frame) => received.push(frame));
      for (const piece of shredded(Buffer.concat(frames.map(encode)))) parser.push(Buffer.from(piece));
      assert.deepEqual(received, frames);
    }
  });

  test('longer than allowed are refused as soon as the header is there', () => {
    const header = Buffer.alloc(headerSize);
    writeHeader(header, 1, frameType.data, payloadMax + 1);
    assert.throws(() => new FrameParser(() => {}).push(header), GuestProtocolError);
    const parser = new FrameParser(() => {});
    parser.push(header.subarray(0, 7));
    assert.throws(() => parser.push(header.subarray(7)), GuestProtocolError);
  });
});

describe('the marker', () => {
  test('never occurs in what is sent, whatever the payloads and the stream ids are', () => {
    const sent: Buffer[] = [];
    const channel = new PassThrough({ highWaterMark: 1e9 });
    channel.on('data', (chunk) => sent.push(chunk));
    const writer = new FrameWriter(channel);
    let id = 1;
    const original: Buffer[] = [];
    for (let round = 0; round < 3000; round++) {
      id = followingStreamId(id);
      const bytes = treacherous(below(50) === 0 ? below(100_000) : below(200));
      original.push(bytes);
      writer.frames(id, frameType.data, bytes);
      writer.frame(id, frameType.end);
    }
    const stream = Buffer.concat(sent);
    assert.equal(stream.indexOf(marker), -1);
    const received: Buffer[] = [];
    new FrameParser((frame) => received.push(frame.payload)).push(stream);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(original)));
  });

  test('is cut in two where a payload holds it, also across a payload boundary', () => {
    for (const at of [0, payloadMax - 16, payloadMax - 8, payloadMax - 1, payloadMax]) {
      const bytes = Buffer.concat([Buffer.alloc(at), marker, marker, Buffer.alloc(5)]);
      const payloads = [...payloadsOf(bytes)];
      assert.ok(Buffer.concat(payloads).equals(bytes));
      for (const payload of payloads) assert.ok(!payload.includes(marker) && payload.length <= payloadMax);
    }
  });

  test('is refused where a payload cannot be cut', () => {
    const writer = new FrameWriter(new PassThrough());
    assert.throws(() => writer.frame(1, frameType.open, marker), RangeError);
  });

  test('stream ids stay odd, below 2^24, and never begin with the byte that ends the marker', () => {
    let id = 1;
    for (let round = 0; round < 9_000_000; round++) {
      id = followingStreamId(id);
      if (id % 2 === 0 || id >= 2 ** 24 || (id & 0xff) === 0xff) assert.fail(`stream id ${id}`);
    }
  });
});

describe('the answer to a greeting', () => {
  test('is found behind anything an earlier connection left, however the bytes are cut', () => {
    for (let round = 0; round < 300; round++) {
      const nonce = randomBytes(16);
      const stale = Buffer.concat([
        treacherous(below(3000)),
        marker,
        randomBytes(16),
        randomBytes(below(100)),
      ]);
      const finder = new AnswerFinder(nonce);
      const rest: Buffer[] = [];
      let found = false;
      const tail = randomBytes(50);
      for (const piece of shredded(Buffer.concat([stale, marker, nonce, tail]))) {
        if (found) rest.push(piece);
        else {
          const behind = finder.push(Buffer.from(piece));
          if (behind) {
            found = true;
            rest.push(behind);
          }
        }
      }
      assert.ok(found && Buffer.concat(rest).equals(tail));
    }
  });

  test('that never comes ends the search', () => {
    const finder = new AnswerFinder(randomBytes(16));
    assert.throws(() => {
      for (let i = 0; i < 100; i++) finder.push(Buffer.alloc(65_536));
    }, GuestProtocolError);
  });

  test('begins with marker and nonce, once', () => {
    const bytes = greeting(Buffer.alloc(16, 1));
    assert.equal(bytes.indexOf(marker), 0);
    assert.equal(bytes.indexOf(marker, 1), -1);
  });
});

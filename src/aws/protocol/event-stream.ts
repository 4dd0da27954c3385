import { crc32 } from 'node:zlib';

/** One message of `application/vnd.amazon.eventstream`: headers and payload between two checksums. */
export function eventMessage(type: string, payload: Record<string, unknown>): Buffer {
  const body = Buffer.from(JSON.stringify(payload));
  const headers = Buffer.concat(
    [
      [':message-type', 'event'],
      [':event-type', type],
      [':content-type', 'application/json'],
    ].map(([name, value]) => header(name ?? '', value ?? '')),
  );
  const message = Buffer.alloc(16 + headers.length + body.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headers.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  headers.copy(message, 12);
  body.copy(message, 12 + headers.length);
  message.writeUInt32BE(crc32(message.subarray(0, -4)), message.length - 4);
  return message;
}

/** Type of a header's value that is a text. */
const TEXT = 7;

function header(name: string, value: string): Buffer {
  const bytes = Buffer.alloc(4 + name.length + Buffer.byteLength(value));
  let at = bytes.writeUInt8(name.length, 0);
  at += bytes.write(name, at);
  at = bytes.writeUInt8(TEXT, at);
  at = bytes.writeUInt16BE(Buffer.byteLength(value), at);
  bytes.write(value, at);
  return bytes;
}

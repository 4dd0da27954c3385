import type { ResponseHead } from '../exchange.ts';
import { FieldBlock } from '../field-block.ts';
import type { Fields, Inbound } from '../inbound.ts';
import { type Framing, MalformedMessage } from './body-reader.ts';
import { readFields, readLength } from './fields.ts';

/** A request's head in HTTP/1.1 as the application gets it (spec: networking-and-proxy section 4). */
export function requestHead(request: Inbound): string {
  let text = `${request.method} ${request.target} HTTP/1.1\r\n${request.fields.text}`;
  text += `x-amzn-requestid: ${request.requestId}\r\n`;
  if (request.upgrade) {
    text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    if (typeof request.subprotocols === 'object' && request.subprotocols.application.length > 0) {
      text += `Sec-WebSocket-Protocol: ${request.subprotocols.application.join(', ')}\r\n`;
    }
  }
  if (request.length === 'unknown') text += 'Transfer-Encoding: chunked\r\n';
  else if (request.length !== undefined) text += `Content-Length: ${request.length}\r\n`;
  return `${text}\r\n`;
}

/** What a response's head says, and how its body ends. */
export interface ParsedHead {
  head: ResponseHead;
  framing: Framing;
  /** True if the connection may carry another request afterwards. */
  keepAlive: boolean;
  /** Seconds that the application promises to keep the connection. */
  keepAliveSeconds: number | undefined;
}

const statusLine = /HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/y;
const mostFields = 500;

/**
 * Reads the head of a response; `text` ends with the line end of its last field.
 * @throws MalformedMessage
 */
export function readResponseHead(text: string, method: string): ParsedHead {
  statusLine.lastIndex = 0;
  const line = statusLine.exec(text);
  if (!line) throw new MalformedMessage('The application does not answer in HTTP/1.1.');
  const raw = readFields(text, statusLine.lastIndex, mostFields);
  if (!raw) throw new MalformedMessage('A header field of the answer is malformed.');
  const status = Number(line[2]);
  const sifted = siftResponse(raw);
  const older = line[1] === '0';
  const options = sifted.connection.toLowerCase();
  let keepAlive = older ? /\bkeep-alive\b/.test(options) : !/\bclose\b/.test(options);
  let framing: Framing = 'close';
  let length: number | 'unknown' = 'unknown';
  if (sifted.transferEncoding !== undefined) {
    if (older || sifted.transferEncoding.toLowerCase() !== 'chunked') {
      throw new MalformedMessage('The answer has a transfer encoding other than chunked.');
    }
    framing = 'chunked';
    // Two framings in one message: the length is dropped, the connection not trusted any further.
    if (sifted.lengths.length > 0) keepAlive = false;
  } else if (sifted.lengths.length > 0) {
    const first = readLength(sifted.lengths[0]!);
    if (first === undefined || sifted.lengths.some((value) => value !== sifted.lengths[0])) {
      throw new MalformedMessage('The answer has no valid length.');
    }
    framing = first;
    length = first;
  } else {
    keepAlive = false;
  }
  const hasBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
  if (!hasBody) {
    keepAlive = older ? keepAlive : !/\bclose\b/.test(options);
    framing = 0;
    if (status < 200 || status === 204) length = 'unknown';
  }
  return {
    head: { status, reason: line[3] ?? '', fields: new FieldBlock(sifted.fields), length, hasBody },
    framing,
    keepAlive,
    keepAliveSeconds: sifted.keepAliveSeconds,
  };
}

/** Decision P15: `X-aws-proxy-*` of an answer are left alone. */
function siftResponse(raw: Fields) {
  const found = {
    fields: [] as Fields,
    connection: '',
    transferEncoding: undefined as string | undefined,
    lengths: [] as string[],
    keepAliveSeconds: undefined as number | undefined,
  };
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at + 1]!;
    switch (raw[at]!.toLowerCase()) {
      case 'connection':
        found.connection = found.connection ? `${found.connection},${value}` : value;
        break;
      case 'transfer-encoding':
        found.transferEncoding =
          found.transferEncoding === undefined ? value : `${found.transferEncoding},${value}`;
        break;
      case 'content-length':
        for (const part of value.split(',')) found.lengths.push(part.trim());
        break;
      case 'keep-alive': {
        const seconds = /timeout=(\d{1,6})/.exec(value)?.[1];
        if (seconds !== undefined) found.keepAliveSeconds = Number(seconds);
        break;
      }
      case 'proxy-connection':
      case 'upgrade':
      case 'x-amzn-requestid':
        break;
      default:
        found.fields.push(raw[at]!, value);
    }
  }
  return found;
}

import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { RequestSender, ResponseSink } from '../exchange.ts';
import { FieldBlock } from '../field-block.ts';
import type { Guest } from '../guests.ts';
import { allowedTrailers } from '../http1/fields.ts';
import type { Fields, Inbound } from '../inbound.ts';
import { addFields, splitPseudo } from './headers.ts';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants;

const streamWindow = 512 * 1024;
const sessionWindow = 4 * 1024 * 1024;
/** Whoever speaks HTTP/2 sends its settings at once. */
const settingsMs = 10_000;
const idleMs = 60_000;

/** The application does not speak HTTP/2 with prior knowledge; trying again does not help. */
export class NotHttp2 extends Error {
  override readonly name = 'NotHttp2';
}

/**
 * Speaks HTTP/2 with prior knowledge to an application.
 * Resolves when the application has shown that it does, too. Rejects with {@link NotHttp2} otherwise.
 */
export function openHttp2(stream: Duplex): Promise<ClientHttp2Session> {
  const options = {
    createConnection: () => stream,
    settings: { enablePush: false, initialWindowSize: streamWindow },
    // As in server.ts; Node's types do not know it.
    strictSingleValueFields: false,
  };
  const session = connect('http://localhost', options);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => session.destroy(new Error('No HTTP/2 settings came.')), settingsMs);
    let open = 0;
    session.once('connect', () => session.setLocalWindowSize(sessionWindow));
    session.once('remoteSettings', () => resolve(session));
    session.on('error', (error) => {
      reject(new NotHttp2('The application does not speak HTTP/2.', { cause: error }));
      session.destroy();
    });
    session.on('close', () => {
      clearTimeout(timer);
      reject(new NotHttp2('The application closed the connection.'));
    });
    session.once('remoteSettings', () => clearTimeout(timer));
    session.on('stream', (pushed) => pushed.close());
    session.on('goaway', () => session.close());
    session.setTimeout(idleMs, () => {
      if (open === 0) session.close();
    });
    sessionUsers.set(session, (change) => {
      open += change;
    });
  });
}

/** Counts the streams of a session, so that only an unused one is closed. */
const sessionUsers = new WeakMap<ClientHttp2Session, (change: 1 | -1) => void>();

function requestHeaders(request: Inbound): Fields {
  const pseudo = [':method', request.method, ':scheme', 'http', ':authority', request.authority];
  const fields = [...pseudo, ':path', request.target, ...request.fields.http2];
  fields.push('x-amzn-requestid', request.requestId);
  if (request.wantsTrailers) fields.push('te', 'trailers');
  if (typeof request.length === 'number') fields.push('content-length', String(request.length));
  return fields;
}

/** One request to an application that speaks HTTP/2. */
export class Http2Call implements RequestSender {
  readonly #stream: ClientHttp2Stream;
  #sink: ResponseSink | undefined;
  #answered = false;
  #trailers: Fields = [];
  #requestTrailers: Fields = [];
  readonly #failed: () => void;

  /** @param failed called instead of the sink when there is no head of an answer. */
  constructor(
    session: ClientHttp2Session,
    guest: Guest,
    request: Inbound,
    sink: ResponseSink,
    failed: () => void,
  ) {
    this.#sink = sink;
    this.#failed = failed;
    const count = sessionUsers.get(session);
    const stream = session.request(requestHeaders(request), {
      endStream: request.length === undefined,
      waitForTrailers: request.length === 'unknown',
    });
    this.#stream = stream;
    count?.(1);
    stream.on('headers', (headers, _flags, raw?: string[]) => {
      this.#sink?.informational(headers[':status'] ?? 100, '', splitPseudo(raw ?? []).fields);
      this.#sink?.flush();
    });
    stream.on('response', (headers, flags, raw?: string[]) => {
      guest.touch();
      this.#head(headers[':status'] ?? 0, (flags & NGHTTP2_FLAG_END_STREAM) !== 0, raw ?? [], request);
    });
    stream.on('trailers', (_headers, _flags, raw?: string[]) => {
      this.#trailers = allowedTrailers(raw ?? []);
    });
    stream.on('data', (chunk: Buffer) => {
      guest.touch();
      this.#sink?.body([chunk]);
      // Node tells of a head a tick later than of a body that came in the same packet.
      if (this.#answered && this.#sink?.flush() === false) stream.pause();
    });
    stream.on('end', () => this.#end());
    stream.on('drain', () => this.#sink?.writable());
    stream.on('wantTrailers', () => stream.sendTrailers(addFields({}, this.#requestTrailers)));
    stream.on('error', () => {});
    stream.on('close', () => {
      count?.(-1);
      this.#lost();
    });
  }

  get answered(): boolean {
    return this.#answered;
  }

  #head(status: number, endStream: boolean, raw: readonly string[], request: Inbound): void {
    const all = splitPseudo(raw).fields;
    const fields: Fields = [];
    let length: number | 'unknown' = 'unknown';
    for (let at = 0; at < all.length; at += 2) {
      if (all[at] === 'content-length') length = Number(all[at + 1]);
      else if (all[at] !== 'x-amzn-requestid') fields.push(all[at]!, all[at + 1]!);
    }
    const bodyless = request.method === 'HEAD' || status === 204 || status === 304;
    this.#answered = true;
    this.#sink?.head({
      status,
      reason: '',
      fields: new FieldBlock(fields),
      length,
      hasBody: !endStream && !bodyless,
    });
    this.#sink?.flush();
  }

  #end(): void {
    // A stream that was reset ends, too, but its answer is not complete.
    if (!this.#answered || this.#stream.rstCode !== NGHTTP2_NO_ERROR) return;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(this.#trailers);
    sink?.flush();
  }

  #lost(): void {
    const sink = this.#sink;
    if (!sink) return;
    this.#sink = undefined;
    if (this.#answered) sink.broken();
    else this.#failed();
  }

  write(pieces: Buffer[]): boolean {
    let more = true;
    for (const piece of pieces) more = this.#stream.write(piece);
    return more;
  }

  end(trailers: Fields): void {
    this.#requestTrailers = trailers;
    this.#stream.end();
  }

  resume(): void {
    this.#stream.resume();
  }

  abort(): void {
    this.#sink = undefined;
    // Not close(): Node would end the request properly before the reset, and half a body would look whole.
    this.#stream.destroy(new Error('The client is gone.'));
  }
}

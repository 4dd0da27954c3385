import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { accessEntry } from '../access-log.ts';
import { Exchange, type ResponseHead, type ResponseSink, type Services } from '../exchange.ts';
import { allowedTrailers } from '../http1/fields.ts';
import type { Fields, Inbound } from '../inbound.ts';
import { type Refusal, refusalFields, refusals } from '../refusals.ts';
import { addFields } from './headers.ts';
import { type FieldListMemo, readHttp2Request } from './request.ts';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants;

/** Pieces up to this many bytes together go into one frame. */
const joinBytes = 16_384;

/** What the streams of one connection share. */
export interface Http2Connection {
  readonly services: Services;
  readonly memo: FieldListMemo;
  /** Streams that are open. */
  open: number;
  /** Since when there is none, in epoch milliseconds; 0 until that is noticed. */
  idleSince: number;
}

const ignore = () => {};

/** One request of a client that speaks HTTP/2. */
export class Http2ClientStream implements ResponseSink {
  readonly #stream: ServerHttp2Stream;
  readonly #connection: Http2Connection;
  readonly #request: Inbound;
  readonly #exchange: Exchange;
  #pieces: Buffer[] = [];
  #trailers: Fields = [];
  #requestTrailers: Fields = [];
  #requestEnded: boolean;
  #requestOpen = false;
  #ended = false;
  #over = false;
  #status = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  static accept(
    stream: ServerHttp2Stream,
    flags: number,
    raw: readonly string[],
    connection: Http2Connection,
  ): void {
    stream.on('error', ignore);
    const request = readHttp2Request(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0, connection.memo);
    if (request) {
      new Http2ClientStream(stream, request, connection);
      return;
    }
    const { status, body } = refusals.badRequest;
    stream.respond({ ':status': status, 'content-type': 'text/plain', 'cache-control': 'private, no-store' });
    stream.end(body);
  }

  private constructor(stream: ServerHttp2Stream, request: Inbound, connection: Http2Connection) {
    this.#stream = stream;
    this.#request = request;
    this.#connection = connection;
    connection.open++;
    connection.idleSince = 0;
    this.#requestEnded = request.length === undefined || stream.readableEnded;
    this.#exchange = new Exchange(connection.services, request, this);
    stream.on('close', () => this.#closed());
    if (!this.#requestEnded) {
      stream.pause();
      stream.on('data', (chunk: Buffer) => this.#receive(chunk));
      stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
        this.#requestTrailers = allowedTrailers(raw ?? []);
      });
      stream.on('end', () => this.#received());
    }
    this.#exchange.start();
  }

  #receive(chunk: Buffer): void {
    this.#bytesIn += chunk.length;
    if (!this.#ended && !this.#exchange.write([chunk])) this.#stream.pause();
  }

  #received(): void {
    this.#requestEnded = true;
    if (!this.#ended) this.#exchange.end(this.#requestTrailers);
  }

  #closed(): void {
    this.#connection.open--;
    if (this.#over) return;
    this.#finish();
    this.#exchange.abort();
  }

  #finish(): void {
    this.#over = true;
    const { access } = this.#connection.services;
    const outcome = { status: this.#status, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    access?.(accessEntry('h2', this.#request, this.#exchange.admission, outcome));
  }

  writable(): void {
    if (this.#requestOpen || this.#request.length === undefined) {
      this.#stream.resume();
      return;
    }
    this.#requestOpen = true;
    if (this.#requestEnded) this.#exchange.end(this.#requestTrailers);
    else this.#stream.resume();
  }

  refuse(refusal: Refusal): void {
    if (this.#over || this.#stream.destroyed) return;
    this.#status = refusal.status;
    const fields = [':status', String(refusal.status), ...refusalFields(refusal, this.#request.requestId)];
    const silent = refusal.body === '' || this.#request.method === 'HEAD';
    this.#respond(fields, silent, false);
    if (!silent) this.#stream.write(refusal.body);
    this.#ended = true;
    this.flush();
  }

  informational(status: number, _reason: string, fields: Fields): void {
    this.#stream.additionalHeaders(addFields({ ':status': status }, fields));
  }

  head(head: ResponseHead): void {
    if (this.#over || this.#stream.destroyed) return;
    this.#status = head.status;
    const fields = [':status', String(head.status), ...head.fields.http2];
    fields.push('x-amzn-requestid', this.#request.requestId);
    if (typeof head.length === 'number') fields.push('content-length', String(head.length));
    this.#respond(fields, !head.hasBody, head.hasBody && head.length === 'unknown');
  }

  #respond(fields: Fields, endStream: boolean, waitForTrailers: boolean): void {
    const stream = this.#stream;
    if (waitForTrailers) {
      stream.once('wantTrailers', () => stream.sendTrailers(addFields({}, this.#trailers)));
    }
    // Node takes a flat list here, too, and leaves the date to the application; its types know of neither.
    const options = { endStream, waitForTrailers, sendDate: false };
    stream.respond(fields as unknown as OutgoingHttpHeaders, options);
  }

  body(pieces: Buffer[]): void {
    for (const piece of pieces) this.#bytesOut += piece.length;
    if (this.#pieces.length === 0) this.#pieces = pieces;
    else this.#pieces.push(...pieces);
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    this.#ended = true;
  }

  flush(): boolean {
    const pieces = this.#pieces;
    const stream = this.#stream;
    let more = true;
    if (pieces.length > 0) {
      this.#pieces = [];
      if (!stream.destroyed && !stream.writableEnded) more = this.#write(pieces);
    }
    if (this.#ended && !this.#over) this.#complete();
    else if (!more) stream.once('drain', () => this.#exchange.resume());
    return more;
  }

  #write(pieces: Buffer[]): boolean {
    const stream = this.#stream;
    if (pieces.length === 1) return stream.write(pieces[0]!);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes <= joinBytes) return stream.write(Buffer.concat(pieces));
    let more = true;
    for (const piece of pieces) more = stream.write(piece);
    return more;
  }

  /** A client that still sends is told that nobody listens any more (RFC 9113 8.1). */
  #complete(): void {
    this.#finish();
    this.#exchange.done();
    const stream = this.#stream;
    if (!this.#requestEnded) {
      const stop = () => {
        if (!this.#requestEnded) stream.close(NGHTTP2_NO_ERROR);
      };
      if (stream.writableFinished) stop();
      else stream.once('finish', stop);
    }
    if (!stream.writableEnded) stream.end();
  }

  broken(): void {
    if (!this.#over) this.#finish();
    this.#exchange.done();
    // Not close(): Node would end the answer properly before the reset, and half a body would look whole.
    this.#stream.destroy(new Error('The application ended in the middle of its answer.'));
  }

  upgraded(_head: ResponseHead, stream: Duplex): void {
    stream.destroy();
  }

  shell(): void {
    this.refuse(refusals.unavailable);
  }
}

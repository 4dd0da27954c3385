import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { accessEntry } from '../access-log.ts';
import { Exchange, type ResponseHead, type ResponseSink, type Services } from '../exchange.ts';
import { allowedTrailers } from '../http1/fields.ts';
import type { Fields, Inbound } from '../inbound.ts';
import { type Refusal, refusalFields, refusals } from '../refusals.ts';
import { addFields } from './headers.ts';
import { readHttp2Request } from './request.ts';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants;

/** Pieces up to this many bytes together go into one frame. */
const joinBytes = 16_384;

/** One request of a client that speaks HTTP/2. */
export class Http2ClientStream implements ResponseSink {
  readonly #stream: ServerHttp2Stream;
  readonly #services: Services;
  readonly #request: Inbound;
  readonly #exchange: Exchange;
  readonly #gone = new AbortController();
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

  static accept(stream: ServerHttp2Stream, flags: number, raw: readonly string[], services: Services): void {
    stream.on('error', () => {});
    const request = readHttp2Request(raw, (flags & NGHTTP2_FLAG_END_STREAM) !== 0);
    if (request) {
      new Http2ClientStream(stream, request, services);
      return;
    }
    const { status, body } = refusals.badRequest;
    stream.respond({ ':status': status, 'content-type': 'text/plain', 'cache-control': 'private, no-store' });
    stream.end(body);
  }

  private constructor(stream: ServerHttp2Stream, request: Inbound, services: Services) {
    this.#stream = stream;
    this.#request = request;
    this.#services = services;
    this.#requestEnded = request.length === undefined || stream.readableEnded;
    this.#exchange = new Exchange(services, request, this, this.#gone.signal);
    stream.on('close', () => this.#closed());
    stream.on('drain', () => this.#exchange.resume());
    stream.on('wantTrailers', () => stream.sendTrailers(addFields({}, this.#trailers)));
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
    if (this.#over) return;
    this.#finish();
    this.#exchange.abort();
    this.#gone.abort();
  }

  #finish(): void {
    this.#over = true;
    const { access } = this.#services;
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
    const headers = addFields({ ':status': refusal.status }, refusalFields(refusal, this.#request.requestId));
    const silent = refusal.body === '' || this.#request.method === 'HEAD';
    this.#stream.respond(headers, { endStream: silent });
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
    const headers = addFields({ ':status': head.status }, head.fields.list);
    headers['x-amzn-requestid'] = this.#request.requestId;
    if (typeof head.length === 'number') headers['content-length'] = head.length;
    const waitForTrailers = head.hasBody && head.length === 'unknown';
    this.#stream.respond(headers, { endStream: !head.hasBody, waitForTrailers });
  }

  body(pieces: Buffer[]): void {
    for (const piece of pieces) this.#bytesOut += piece.length;
    this.#pieces.push(...pieces);
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    this.#ended = true;
  }

  flush(): boolean {
    const pieces = this.#pieces;
    this.#pieces = [];
    let more = true;
    if (!this.#stream.destroyed && !this.#stream.writableEnded) {
      const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (pieces.length > 1 && bytes <= joinBytes) more = this.#stream.write(Buffer.concat(pieces));
      else for (const piece of pieces) more = this.#stream.write(piece);
    }
    if (this.#ended && !this.#over) this.#complete();
    return more;
  }

  /** A client that still sends is told that nobody listens any more (RFC 9113 8.1). */
  #complete(): void {
    this.#finish();
    this.#exchange.done();
    const stop = () => {
      if (!this.#requestEnded) this.#stream.close(NGHTTP2_NO_ERROR);
    };
    if (this.#stream.writableFinished) stop();
    else this.#stream.once('finish', stop);
    if (!this.#stream.writableEnded) this.#stream.end();
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

import type { Duplex } from 'node:stream';
import type { RequestSender, ResponseSink } from '../exchange.ts';
import type { Guest } from '../guests.ts';
import type { Fields, Inbound } from '../inbound.ts';
import { BodyReader, MalformedMessage } from './body-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { type ParsedHead, readResponseHead, requestHead } from './upstream-head.ts';

const headLimit = 65_536;
const headEnd = Buffer.from('\r\n\r\n');
/** How long an unused connection is kept when the application does not say: less than servers' usual 5 s. */
const idleMs = 4000;
const longestIdleMs = 60_000;
/** How long an application may take to close a connection that was closed at this end. */
const closingMs = 2000;

/**
 * Why there is no head of an answer: a kept connection was dead already; a new one ended without a word, or with an
 * alert of TLS; or what came is not HTTP/1.1, or not all of it.
 */
export interface UpstreamFailure {
  kind: 'stale' | 'silent' | 'broken';
  reason: string;
}

const tlsAlert = 0x15;

/** One HTTP/1.1 connection to an application, for one request after another. */
export class Http1Upstream implements RequestSender {
  readonly port: number;
  readonly #stream: Duplex;
  readonly #guest: Guest;
  readonly #writer: MessageWriter;
  #request: Inbound | undefined;
  #sink: ResponseSink | undefined;
  #failed: (failure: UpstreamFailure) => void = () => {};
  /** Bytes of a head that is not complete. */
  #partial: Buffer | undefined;
  #parsed: ParsedHead | undefined;
  #seen: { text: string; method: string; parsed: ParsedHead } | undefined;
  #body: BodyReader | undefined;
  /** Body bytes that are still owed to the application. */
  #owed = 0;
  #requestDone = false;
  #used = false;
  #received = false;
  #paused = false;
  #keepMs = idleMs;
  /** Epoch milliseconds. */
  idleSince = 0;
  idleUntil = 0;

  constructor(stream: Duplex, guest: Guest, port: number) {
    this.#stream = stream;
    this.#guest = guest;
    this.port = port;
    this.#writer = new MessageWriter(stream);
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onClose);
    stream.on('error', this.#onError);
    stream.on('drain', this.#onDrain);
  }

  /** True when the head of the answer has been passed on. */
  get answered(): boolean {
    return this.#body !== undefined;
  }

  /** @param failed called instead of the sink when there is no head of an answer. */
  send(request: Inbound, sink: ResponseSink, failed: (failure: UpstreamFailure) => void): void {
    this.#request = request;
    this.#sink = sink;
    this.#failed = failed;
    this.#received = false;
    this.#requestDone = request.length === undefined;
    this.#owed = typeof request.length === 'number' ? request.length : 0;
    this.#writer.chunked = request.length === 'unknown';
    this.#writer.head(requestHead(request));
  }

  /** Sends the head if no body has taken it along yet: an application may answer before there is one. */
  flush(): void {
    this.#writer.flush();
  }

  write(pieces: Buffer[]): boolean {
    if (typeof this.#request?.length === 'number') {
      for (const piece of pieces) this.#owed -= piece.length;
      if (this.#owed < 0) {
        // Only HTTP/2 clients can say one length and send another; more bytes would be the next request's head.
        this.#stream.destroy();
        return true;
      }
    }
    this.#writer.body(pieces);
    return this.#writer.flush();
  }

  end(trailers: Fields): void {
    if (!this.#request) return;
    if (this.#owed > 0) {
      this.#stream.destroy();
      return;
    }
    this.#writer.end(trailers);
    this.#writer.flush();
    this.#requestDone = true;
  }

  resume(): void {
    this.#paused = false;
    this.#stream.resume();
  }

  /**
   * Gives up a connection that was kept, as any client does: a reset is an error to many an application, which it
   * reports at length, and long after it when it was suspended in between.
   */
  close(): void {
    this.#guest.drop(this);
    this.#stream.end();
    const patience = setTimeout(() => this.#stream.destroy(), closingMs).unref();
    this.#stream.once('close', () => clearTimeout(patience));
  }

  abort(): void {
    this.#sink = undefined;
    this.#guest.drop(this);
    this.#stream.destroy();
  }

  readonly #onData = (chunk: Buffer) => {
    const sink = this.#sink;
    if (!sink) {
      // Nothing was asked: what comes now would be taken for the answer to the next request.
      this.abort();
      return;
    }
    this.#guest.touch();
    this.#received = true;
    try {
      this.#take(chunk, sink);
    } catch (error) {
      this.#stream.destroy();
      this.#lost((error as Error).message, chunk[0] === tlsAlert);
      return;
    }
    if (!sink.flush() && this.#sink === sink) {
      this.#paused = true;
      this.#stream.pause();
    }
  };

  #take(chunk: Buffer, sink: ResponseSink): void {
    let rest: Buffer | undefined = chunk;
    while (!this.#body) {
      rest = this.#head(rest, sink);
      if (!rest) return;
      if (this.#sink !== sink) return;
    }
    const pieces: Buffer[] = [];
    const used = this.#body.read(rest, pieces);
    if (pieces.length > 0) sink.body(pieces);
    if (this.#body.done) this.#finish(sink, used < rest.length);
  }

  /** @returns what follows the head, or undefined while it is not complete. */
  #head(chunk: Buffer, sink: ResponseSink): Buffer | undefined {
    const bytes = this.#partial ? Buffer.concat([this.#partial, chunk]) : chunk;
    const end = bytes.indexOf(headEnd);
    if (end < 0) {
      if (bytes.length > headLimit) throw new MalformedMessage('The head of the answer is too long.');
      if (bytes.length >= 5 && bytes.toString('latin1', 0, 5) !== 'HTTP/')
        throw new MalformedMessage('The application does not answer in HTTP/1.1.');
      this.#partial = bytes;
      return undefined;
    }
    this.#partial = undefined;
    const parsed = this.#parse(bytes.toString('latin1', 0, end + 2));
    const rest = bytes.subarray(end + 4);
    const { status } = parsed.head;
    if (status === 101) {
      if (!this.#request!.upgrade)
        throw new MalformedMessage('The application upgrades without being asked.');
      this.#release(sink, parsed, rest);
      return undefined;
    }
    if (status < 200) {
      sink.informational(status, parsed.head.reason, parsed.head.fields.list);
      return rest.length > 0 ? rest : undefined;
    }
    this.#parsed = parsed;
    this.#body = new BodyReader(parsed.framing);
    sink.head(parsed.head);
    return rest;
  }

  /** Applications mostly answer the same question with the same head again. */
  #parse(text: string): ParsedHead {
    const { method } = this.#request!;
    if (this.#seen?.text === text && this.#seen.method === method) return this.#seen.parsed;
    const parsed = readResponseHead(text, method);
    this.#seen = { text, method, parsed };
    return parsed;
  }

  /** Hands the stream over to a WebSocket. */
  #release(sink: ResponseSink, parsed: ParsedHead, rest: Buffer): void {
    this.#sink = undefined;
    this.#stream.off('data', this.#onData);
    this.#stream.off('end', this.#onEnd);
    this.#stream.off('close', this.#onClose);
    this.#stream.off('drain', this.#onDrain);
    sink.upgraded(parsed.head, this.#stream, rest.length > 0 ? rest : undefined);
  }

  #finish(sink: ResponseSink, unexpected: boolean): void {
    const parsed = this.#parsed!;
    sink.end(this.#body!.trailers);
    this.#sink = undefined;
    this.#request = undefined;
    this.#parsed = undefined;
    this.#body = undefined;
    if (!parsed.keepAlive || unexpected || !this.#requestDone) {
      this.abort();
      return;
    }
    if (this.#paused) this.resume();
    this.#used = true;
    if (parsed.keepAliveSeconds !== undefined) {
      this.#keepMs = Math.min(longestIdleMs, Math.max(0, parsed.keepAliveSeconds * 1000 - 1000));
    }
    this.idleSince = Date.now();
    this.idleUntil = this.idleSince + this.#keepMs;
    this.#guest.keep(this);
  }

  readonly #onEnd = () => {
    const sink = this.#sink;
    if (sink && this.#parsed?.framing === 'close') {
      this.#finish(sink, true);
      sink.flush();
      return;
    }
    this.#stream.destroy();
    this.#lost('The application ended the connection.');
  };

  readonly #onClose = () => this.#lost('The application closed the connection.');
  readonly #onError = (error: Error) => {
    this.#stream.destroy();
    this.#lost(error.message);
  };
  readonly #onDrain = () => this.#sink?.writable();

  #lost(reason: string, alert = false): void {
    this.#guest.drop(this);
    const sink = this.#sink;
    if (!sink) return;
    this.#sink = undefined;
    if (this.#body) sink.broken();
    else if (this.#used && !this.#received) this.#failed({ kind: 'stale', reason });
    else this.#failed({ kind: !this.#received || alert ? 'silent' : 'broken', reason });
  }
}

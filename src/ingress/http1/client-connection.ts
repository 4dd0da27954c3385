import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { accessEntry } from '../access-log.ts';
import { Exchange, type ResponseHead, type ResponseSink, type Services } from '../exchange.ts';
import type { Guest } from '../guests.ts';
import type { Fields } from '../inbound.ts';
import { type Refusal, refusalFields, refusals } from '../refusals.ts';
import { selectedProtocol } from '../websocket/handshake.ts';
import { acceptShell } from '../websocket/shell.ts';
import { splice } from '../websocket/splice.ts';
import { BodyReader } from './body-reader.ts';
import { writeFields } from './fields.ts';
import { MessageWriter } from './message-writer.ts';
import { type FieldMemo, type RequestHead, readRequestHead } from './request-head.ts';

const headEnd = Buffer.from('\r\n\r\n');
/** Decision P7: bodies have no limit, heads one that leaves room; tokens take 0.8 KiB. */
const headLimit = 32_768;
/** Bytes that may wait while a request is held or answered; then the client has to wait. */
const aheadLimit = 65_536;

/** How long a client may take, in milliseconds. */
export const patience = {
  /** For a request head, from its first byte, and for the first one from the handshake. */
  head: 20_000,
  /** Between requests (decision P6: never while a request is under way). */
  idle: 240_000,
  /** For the rest of a body that nobody wants, before the connection is closed. */
  drain: 3000,
};

/**
 * Where the reading of the client's bytes is: in a head; in a body that cannot be passed on yet; in one that is;
 * after the request, its answer still to come; in a body nobody wants; handed over to a WebSocket; at the end.
 */
type Reading = 'head' | 'held' | 'body' | 'answer' | 'drain' | 'handed over' | 'closed';

/** A client that speaks HTTP/1.1: reads its requests one by one and writes their answers. */
export class Http1Connection implements ResponseSink {
  readonly #socket: TLSSocket;
  readonly #services: Services;
  readonly #writer: MessageWriter;
  #reading: Reading = 'head';
  #pending: Buffer | undefined;
  #head: RequestHead | undefined;
  readonly #memo: FieldMemo = { text: '', found: undefined };
  #exchange: Exchange | undefined;
  #body: BodyReader | undefined;
  #closing = false;
  #answerEnded = false;
  #advancing = false;
  #pausedAnswer = false;
  #status = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Epoch milliseconds after which the connection is closed; 0 while the application has its turn. */
  deadline = Date.now() + patience.head;

  constructor(socket: TLSSocket, services: Services) {
    this.#socket = socket;
    this.#services = services;
    this.#writer = new MessageWriter(socket);
    socket.setNoDelay(true);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** Called when {@link deadline} has passed. */
  expire(): void {
    if (this.#reading === 'head' && this.#pending) this.#reject(refusals.requestTimeout);
    else this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // What the client sends.

  readonly #onData = (chunk: Buffer) => {
    this.#pending = this.#pending ? Buffer.concat([this.#pending, chunk]) : chunk;
    try {
      this.#advance();
    } catch (error) {
      this.#services.log.error('ingress.fault', { error });
      this.#socket.destroy();
    }
  };

  readonly #onDrain = () => {
    if (!this.#pausedAnswer) return;
    this.#pausedAnswer = false;
    this.#exchange?.resume();
  };

  /** Whoever stops sending in the middle of an exchange is taken to be gone, as nginx and Envoy do. */
  readonly #onEnd = () => {
    if (this.#exchange && this.#answerEnded) return;
    if (this.#exchange) this.#socket.destroy();
    else this.#socket.end();
  };

  readonly #onError = () => this.#socket.destroy();

  readonly #onClose = () => {
    this.#reading = 'closed';
    const exchange = this.#exchange;
    if (!exchange) return;
    this.#account();
    this.#exchange = undefined;
    exchange.abort();
  };

  #advance(): void {
    // The answer may come, and with it the next request, while a request is still being started.
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#pending && this.#step(this.#pending));
    } finally {
      this.#advancing = false;
    }
  }

  /** Uses what it can of the bytes that wait. @returns false when more bytes or an event are needed. */
  #step(bytes: Buffer): boolean {
    switch (this.#reading) {
      case 'head':
        return this.#readHead(bytes);
      case 'body':
      case 'drain':
        return this.#readBody(bytes);
      case 'held':
      case 'answer':
        if (bytes.length > aheadLimit) this.#socket.pause();
        return false;
      default:
        return false;
    }
  }

  #readHead(bytes: Buffer): boolean {
    // RFC 9112 2.2: an empty line before the request is ignored; older clients end bodies with one.
    if (bytes[0] === 13 && bytes[1] === 10) {
      this.#pending = bytes.length > 2 ? bytes.subarray(2) : undefined;
      return this.#pending !== undefined;
    }
    const end = bytes.indexOf(headEnd);
    if (end < 0 || end > headLimit) {
      if (bytes.length > headLimit) this.#reject(refusals.headTooLarge);
      else if (this.deadline === 0 || this.deadline > Date.now() + patience.head) {
        this.deadline = Date.now() + patience.head;
      }
      return false;
    }
    this.#pending = bytes.length > end + 4 ? bytes.subarray(end + 4) : undefined;
    const serverName = this.#socket.servername;
    const text = bytes.toString('latin1', 0, end + 2);
    const head = readRequestHead(text, typeof serverName === 'string' ? serverName : '', this.#memo);
    if ('status' in head) {
      this.#reject(head);
      return false;
    }
    this.#begin(head);
    return true;
  }

  #begin(head: RequestHead): void {
    const { length } = head.request;
    this.deadline = 0;
    this.#head = head;
    this.#closing = !head.keepAlive;
    this.#status = 0;
    this.#bytesIn = 0;
    this.#bytesOut = 0;
    this.#body = length === undefined ? undefined : new BodyReader(length === 'unknown' ? 'chunked' : length);
    this.#reading = this.#body ? 'held' : 'answer';
    this.#exchange = new Exchange(this.#services, head.request, this);
    this.#exchange.start();
  }

  #readBody(bytes: Buffer): boolean {
    const pieces: Buffer[] = [];
    const body = this.#body!;
    let used: number;
    try {
      used = body.read(bytes, pieces);
    } catch {
      this.#socket.destroy();
      return false;
    }
    this.#pending = used < bytes.length ? bytes.subarray(used) : undefined;
    for (const piece of pieces) this.#bytesIn += piece.length;
    if (this.#reading === 'drain') {
      if (body.done) this.#next();
      return true;
    }
    const more = pieces.length === 0 || this.#exchange!.write(pieces);
    if (body.done) {
      this.#reading = 'answer';
      this.#exchange!.end(body.trailers);
    } else if (!more && this.#reading === 'body') {
      this.#reading = 'held';
      this.#socket.pause();
    }
    return true;
  }

  writable(): void {
    if (this.#reading !== 'held') return;
    this.#reading = 'body';
    // A length of zero has no bytes that would move it on.
    if (this.#body!.done) {
      this.#reading = 'answer';
      this.#exchange!.end([]);
    }
    this.#socket.resume();
    this.#advance();
  }

  // What the client gets.

  refuse(refusal: Refusal): void {
    this.#status = refusal.status;
    const { request } = this.#head!;
    // After a refused handshake or with a body under way, what comes next is not surely a request.
    if (request.upgrade || request.length !== undefined) this.#closing = true;
    this.#writer.chunked = false;
    const fields = writeFields(refusalFields(refusal, request.requestId));
    this.#writer.head(this.#statusText(refusal.status, '', fields));
    if (request.method !== 'HEAD') this.#writer.head(refusal.body);
    this.#answerEnded = true;
    this.flush();
  }

  /** Answers what is not a request. */
  #reject(refusal: Refusal): void {
    this.#pending = undefined;
    this.#reading = 'closed';
    const fields = refusalFields(refusal, crypto.randomUUID());
    this.#socket.end(
      `HTTP/1.1 ${refusal.status} \r\n${writeFields(fields)}connection: close\r\n\r\n${refusal.body}`,
      'latin1',
    );
    this.deadline = Date.now() + patience.drain;
  }

  informational(status: number, reason: string, fields: Fields): void {
    if (this.#head!.modern) this.#writer.head(`HTTP/1.1 ${status} ${reason}\r\n${writeFields(fields)}\r\n`);
  }

  head(head: ResponseHead): void {
    this.#status = head.status;
    let text = `${head.fields.text}x-amzn-requestid: ${this.#head!.request.requestId}\r\n`;
    this.#writer.chunked = false;
    if (typeof head.length === 'number') {
      text += `content-length: ${head.length}\r\n`;
    } else if (head.hasBody && this.#head!.modern) {
      text += 'transfer-encoding: chunked\r\n';
      this.#writer.chunked = true;
    } else if (head.hasBody) {
      this.#closing = true;
    }
    this.#writer.head(this.#statusText(head.status, head.reason, text));
  }

  #statusText(status: number, reason: string, fields: string): string {
    const close = this.#closing ? 'connection: close\r\n' : '';
    return `HTTP/1.1 ${status} ${reason}\r\n${fields}${close}\r\n`;
  }

  body(pieces: Buffer[]): void {
    for (const piece of pieces) this.#bytesOut += piece.length;
    this.#writer.body(pieces);
  }

  end(trailers: Fields): void {
    this.#writer.end(trailers);
    this.#answerEnded = true;
  }

  flush(): boolean {
    const more = this.#writer.flush();
    if (this.#answerEnded) this.#answered();
    else if (!more) this.#pausedAnswer = true;
    return more;
  }

  broken(): void {
    this.#writer.flush();
    this.#socket.destroy();
  }

  /** The answer is out: on to the next request, or to the end. */
  #answered(): void {
    this.#answerEnded = false;
    this.#pausedAnswer = false;
    this.#account();
    this.#exchange!.done();
    this.#exchange = undefined;
    if (this.#reading === 'closed') return;
    if (this.#body && !this.#body.done) {
      this.#reading = 'drain';
      this.deadline = Date.now() + patience.drain;
      if (this.#closing) this.#socket.end();
      this.#socket.resume();
    } else {
      this.#next();
    }
    this.#advance();
  }

  #next(): void {
    this.#body = undefined;
    if (this.#closing) {
      this.#reading = 'closed';
      this.#pending = undefined;
      this.#socket.end();
      this.deadline = Date.now() + patience.drain;
      return;
    }
    this.#reading = 'head';
    this.deadline = Date.now() + (this.#pending ? patience.head : patience.idle);
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #account(): void {
    const outcome = { status: this.#status, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut };
    const { access } = this.#services;
    access?.(accessEntry('http/1.1', this.#head!.request, this.#exchange!.admission, outcome));
  }

  // WebSocket and shell.

  #handOver(): { exchange: Exchange; rest: Buffer | undefined } {
    const exchange = this.#exchange!;
    const rest = this.#pending;
    this.#reading = 'handed over';
    this.#pending = undefined;
    this.#exchange = undefined;
    this.#socket.off('data', this.#onData);
    this.#socket.off('drain', this.#onDrain);
    this.#socket.off('end', this.#onEnd);
    return { exchange, rest };
  }

  upgraded(head: ResponseHead, stream: Duplex, rest: Buffer | undefined): void {
    const { request } = this.#head!;
    this.#status = head.status;
    const fields = selectedProtocol(request.subprotocols, head.fields.list);
    fields.push('x-amzn-requestid', request.requestId, 'connection', 'Upgrade', 'upgrade', 'websocket');
    this.#account();
    const mine = this.#handOver();
    this.#socket.write(`HTTP/1.1 101 Switching Protocols\r\n${writeFields(fields)}\r\n`, 'latin1');
    splice(this.#socket, mine.rest, stream, rest, mine.exchange);
  }

  shell(guest: Guest): void {
    const { request } = this.#head!;
    this.#status = 101;
    this.#account();
    const mine = this.#handOver();
    acceptShell(request, this.#socket, mine.rest, guest, mine.exchange, this.#services.log);
  }
}

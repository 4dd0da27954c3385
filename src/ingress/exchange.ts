import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { EndpointUnavailable } from '../control/endpoints.ts';
import { PortClosed } from '../control/host.ts';
import type { Log } from '../log/log.ts';
import type { AccessSink } from './access-log.ts';
import { type Admission, admit, type Door } from './checks.ts';
import type { FieldBlock } from './field-block.ts';
import type { Guest, Guests } from './guests.ts';
import { Http1Upstream, type UpstreamFailure } from './http1/upstream.ts';
import { Http2Call, NotHttp2 } from './http2/upstream.ts';
import type { Fields, Inbound } from './inbound.ts';
import { type Refusal, refusals } from './refusals.ts';

/** The application's answer up to its body. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Without hop-by-hop fields, framing and request id. */
  readonly fields: FieldBlock;
  /** Body bytes as announced; `unknown` until the end. With `hasBody` false it is only said, not sent. */
  readonly length: number | 'unknown';
  readonly hasBody: boolean;
}

/** The client's side of an exchange: where the answer goes. `flush` ends each turn of the calls before it. */
export interface ResponseSink {
  /** The only answer, when the application gives none. */
  refuse(refusal: Refusal): void;
  informational(status: number, reason: string, fields: Fields): void;
  head(head: ResponseHead): void;
  body(pieces: Buffer[]): void;
  end(trailers: Fields): void;
  /** @returns false when the answer must pause until {@link RequestSender.resume}. */
  flush(): boolean;
  /** The answer broke off after its head. */
  broken(): void;
  /** The request body may be written (again). */
  writable(): void;
  /** The application took the WebSocket handshake; from now on `stream` carries raw bytes, `rest` first. */
  upgraded(head: ResponseHead, stream: Duplex, rest: Buffer | undefined): void;
  /** The token asks for a shell. */
  shell(guest: Guest): void;
}

/** The application's side of an exchange: where the request body goes. */
export interface RequestSender {
  /** True when the head of the answer has been passed on. */
  readonly answered: boolean;
  /** @returns false when the caller must wait for {@link ResponseSink.writable}. */
  write(pieces: Buffer[]): boolean;
  end(trailers: Fields): void;
  resume(): void;
  /** The client is gone or has its answer: nothing more of this exchange is wanted. */
  abort(): void;
}

/** What every exchange needs. */
export interface Services extends Door {
  guests: Guests;
  log: Log;
  /** Where a line per request goes. */
  access: AccessSink | undefined;
}

/** A kept connection that is dead says so at once; what ends later may have been cut by a suspend. */
const staleMs = 1000;
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** One request on its way: checks, resume, connection to the application, one more try where nothing is lost. */
export class Exchange implements RequestSender {
  readonly #services: Services;
  readonly #request: Inbound;
  readonly #sink: ResponseSink;
  readonly #replayable: boolean;
  #admission: Admission | undefined;
  #guest: Guest | undefined;
  #upstream: RequestSender | undefined;
  /** Ends the waiting of a held request when its client leaves. */
  #waiting: AbortController | undefined;
  #sentAt = 0;
  #triesLeft = 2;
  #over = false;
  #onCut: (() => void) | undefined;

  constructor(services: Services, request: Inbound, sink: ResponseSink) {
    this.#services = services;
    this.#request = request;
    this.#sink = sink;
    this.#replayable = request.length === undefined && idempotent.has(request.method);
  }

  get answered(): boolean {
    return this.#upstream?.answered ?? false;
  }

  get admission(): Admission | undefined {
    return this.#admission;
  }

  start(): void {
    const verdict = admit(this.#request, this.#services);
    if (verdict instanceof Promise) verdict.then((v) => this.#admitted(v)).catch((e) => this.#fault(e));
    else this.#admitted(verdict);
  }

  write(pieces: Buffer[]): boolean {
    this.#guest?.touch();
    return this.#upstream?.write(pieces) ?? false;
  }

  end(trailers: Fields): void {
    this.#upstream?.end(trailers);
  }

  resume(): void {
    this.#upstream?.resume();
  }

  abort(): void {
    if (this.#over) return;
    this.done();
    this.#upstream?.abort();
    this.#waiting?.abort();
  }

  touch(): void {
    this.#guest?.touch();
  }

  /** Takes over from the sink what happens when the MicroVM is suspended or ends. */
  onCut(listener: () => void): void {
    this.#onCut = listener;
  }

  /** The client's side has its whole answer, or will get none. */
  done(): void {
    this.#over = true;
    this.#guest?.leave(this);
  }

  /** The MicroVM is going to be suspended or has ended. */
  cut(): void {
    if (this.#over) return;
    if (this.#onCut) {
      this.#onCut();
      return;
    }
    const upstream = this.#upstream;
    if (upstream?.answered) this.#sink.broken();
    else this.#refuse(refusals.unavailable);
    upstream?.abort();
  }

  #refuse(refusal: Refusal): void {
    if (this.#over) return;
    this.done();
    this.#sink.refuse(refusal);
  }

  #fault(error: unknown): void {
    this.#services.log.error('ingress.fault', { requestId: this.#request.requestId, error });
    this.#refuse(refusals.internal);
  }

  #admitted(verdict: Admission | Refusal): void {
    if (this.#over) return;
    if ('status' in verdict) {
      this.#refuse(verdict);
      return;
    }
    this.#admission = verdict;
    this.#reach();
  }

  /** Holds the request until the MicroVM takes traffic. */
  #reach(): void {
    const { microvmId } = this.#admission!;
    const ready = this.#services.guests.ready(microvmId);
    if (ready) {
      this.#connect(ready);
      return;
    }
    this.#waiting = new AbortController();
    this.#services.guests
      .acquire(microvmId, this.#waiting.signal)
      .then((guest) => {
        if (!this.#over) this.#connect(guest);
      })
      .catch((error: Error) => {
        if (this.#over) return;
        if (!(error instanceof EndpointUnavailable)) {
          this.#fault(error);
          return;
        }
        // Decision P22: a terminated MicroVM keeps answering 502.
        this.#note('ingress.unreachable', error.message);
        this.#refuse(refusals.unavailable);
      });
  }

  #connect(guest: Guest): void {
    if (!guest.admits()) {
      this.#refuse(refusals.tooManyRequests);
      return;
    }
    this.#guest = guest;
    guest.enter(this);
    guest.touch();
    if (this.#admission!.kind === 'shell') {
      this.#sink.shell(guest);
      return;
    }
    const { port } = this.#admission!;
    if (this.#wantsHttp2()) {
      this.#dialHttp2(guest, port);
      return;
    }
    const kept = this.#request.upgrade ? undefined : guest.takeIdle(port, this.#replayable);
    if (kept) {
      this.#send(kept);
      return;
    }
    this.#dial(guest, port);
  }

  #dial(guest: Guest, port: number): void {
    guest
      .dial(port)
      .then(
        (stream) => {
          if (this.#over) stream.destroy();
          else this.#send(new Http1Upstream(stream, guest, port));
        },
        (error: Error) => this.#notConnected(guest, error),
      )
      .catch((error) => this.#fault(error));
  }

  #dialHttp2(guest: Guest, port: number): void {
    guest
      .http2(port)
      .then(
        (session) => {
          if (!this.#over) this.#call(session, guest);
        },
        async (error: Error) => {
          // Nothing of the request has been sent, so a handshake of TLS may be tried whatever the request is.
          const retry = error instanceof NotHttp2 && guest.secure.mayBe(port) && (await guest.probe(port));
          if (retry && !this.#over) this.#dialHttp2(guest, port);
          else this.#notConnected(guest, error);
        },
      )
      .catch((error) => this.#fault(error));
  }

  /** A MicroVM that was suspended a moment ago cannot be dialled: it is acquired once more. */
  #notConnected(guest: Guest, error: Error): void {
    if (this.#over) return;
    guest.leave(this);
    if (error instanceof PortClosed || error instanceof NotHttp2 || this.#triesLeft === 0) {
      this.#note('ingress.notConnected', error.message);
      this.#refuse(refusals.unavailable);
      return;
    }
    this.#triesLeft--;
    this.#reach();
  }

  /** Decision P13: gRPC needs HTTP/2 whether or not the client says so; gRPC-Web does not. */
  #wantsHttp2(): boolean {
    const { forceHttp2, contentType, upgrade } = this.#request;
    return !upgrade && (forceHttp2 || /^application\/grpc(?:$|[+; ])/i.test(contentType));
  }

  #call(session: ClientHttp2Session, guest: Guest): void {
    this.#upstream = new Http2Call(session, guest, this.#request, this.#sink, () =>
      this.#failed({ kind: 'broken', reason: 'The application ended the stream.' }),
    );
    if (this.#request.length !== undefined) this.#sink.writable();
  }

  #send(upstream: Http1Upstream): void {
    this.#upstream = upstream;
    this.#sentAt = Date.now();
    upstream.send(this.#request, this.#sink, (failure) => this.#failed(failure));
    if (this.#request.length !== undefined) this.#sink.writable();
    upstream.flush();
  }

  #failed(failure: UpstreamFailure): void {
    if (this.#over) return;
    const guest = this.#guest!;
    const { port } = this.#admission!;
    if (failure.kind === 'silent' && !this.#request.upgrade && guest.secure.mayBe(port)) {
      this.#trySecure(guest, port, failure);
      return;
    }
    // A busy application closes late what it had given up before; while the MicroVM takes traffic, nothing was cut.
    const stale =
      failure.kind === 'stale' && (Date.now() - this.#sentAt < staleMs || this.#takesTraffic(guest));
    if (stale && this.#replayable && this.#triesLeft > 0) {
      this.#triesLeft--;
      guest.leave(this);
      this.#reach();
      return;
    }
    this.#note('ingress.noAnswer', failure.reason);
    this.#refuse(refusals.unavailable);
  }

  #takesTraffic(guest: Guest): boolean {
    return this.#services.guests.ready(guest.microvmId) === guest;
  }

  /** Decision P12: whoever answers a handshake has not understood the request before, so it may be sent again. */
  #trySecure(guest: Guest, port: number, failure: UpstreamFailure): void {
    this.#upstream = undefined;
    guest
      .probe(port)
      .then((secure) => {
        if (this.#over) return;
        if (secure && this.#request.length === undefined) {
          this.#dial(guest, port);
          return;
        }
        this.#note('ingress.noAnswer', failure.reason);
        this.#refuse(refusals.unavailable);
      })
      .catch((error) => this.#fault(error));
  }

  #note(event: string, reason: string): void {
    const { requestId } = this.#request;
    const { microvmId, port } = this.#admission!;
    this.#services.log.info(event, { requestId, microvmId, port, reason });
  }
}

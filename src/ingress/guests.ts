import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { EndpointDirectory } from '../control/endpoints.ts';
import type { ShellSession } from '../control/host.ts';
import type { GuestDialer } from './guest-dialer.ts';
import type { Http1Upstream } from './http1/upstream.ts';
import { openHttp2 } from './http2/upstream.ts';
import type { GuestLimits } from './limits/guest-limits.ts';
import { PacedStream } from './limits/paced-stream.ts';
import { TokenBucket } from './limits/token-bucket.ts';
import { SecurePorts } from './secure-ports.ts';

/** Idle timers work in seconds; telling them more often costs time and says nothing new. */
const touchMs = 1000;
const idlePerPort = 64;
/** An application may close a kept connection while a request is on its way; only a replayable one is risked then. */
const freshMs = 1000;

/** Something that ends when the MicroVM does. */
export interface Cuttable {
  cut(): void;
}

/** A running MicroVM as the endpoint sees it: its kept connections and everything that is open to it. */
export class Guest {
  readonly microvmId: string;
  readonly #guests: Guests;
  readonly #idle = new Map<number, Http1Upstream[]>();
  readonly #sessions = new Map<number, Promise<ClientHttp2Session>>();
  readonly #open = new Set<Cuttable>();
  #touchedAt = 0;
  readonly #registrations: (() => void)[];
  readonly #limits: GuestLimits;
  readonly #requests: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  readonly secure = new SecurePorts();
  ended = false;

  constructor(microvmId: string, guests: Guests) {
    this.microvmId = microvmId;
    this.#guests = guests;
    this.#limits = guests.limits(microvmId);
    const { requestsPerSecond, bytesPerSecond } = this.#limits;
    if (requestsPerSecond) this.#requests = new TokenBucket(requestsPerSecond, 2 * requestsPerSecond);
    if (bytesPerSecond) this.#bytes = new TokenBucket(bytesPerSecond, bytesPerSecond / 4);
    this.#registrations = [
      guests.directory.onEnd(microvmId, () => this.end()),
      guests.directory.onSuspending(microvmId, () => this.#closeIdle()),
    ];
  }

  touch(): void {
    const now = Date.now();
    if (now - this.#touchedAt < touchMs) return;
    this.#touchedAt = now;
    this.#guests.directory.touch(this.microvmId);
  }

  /** False when the MicroVM has as many requests as its limits allow. */
  admits(): boolean {
    const { connections } = this.#limits;
    if (connections !== undefined && this.#open.size >= connections) return false;
    return this.#requests?.tryTake() ?? true;
  }

  enter(user: Cuttable): void {
    this.#open.add(user);
  }

  leave(user: Cuttable): void {
    this.#open.delete(user);
  }

  /** A connection to a port of the MicroVM, in TLS where the application wants that. */
  async dial(port: number, protocol: 'h2' | 'http/1.1' = 'http/1.1'): Promise<Duplex> {
    const stream = await this.#plain(port);
    return this.secure.has(port) ? this.secure.open(stream, protocol) : stream;
  }

  /** Finds out whether the application on a port wants TLS. */
  probe(port: number): Promise<boolean> {
    return this.secure.probe(port, () => this.#plain(port));
  }

  async #plain(port: number): Promise<Duplex> {
    const stream = await this.#guests.dialer.dial(this.microvmId, port);
    return this.#bytes ? new PacedStream(stream, this.#bytes) : stream;
  }

  /** The HTTP/2 connection to a port; one for all requests. Rejects when the application does not speak it. */
  http2(port: number): Promise<ClientHttp2Session> {
    const open = this.#sessions.get(port);
    if (open) return open;
    const session = this.dial(port, 'h2').then(openHttp2);
    this.#sessions.set(port, session);
    const forget = () => {
      if (this.#sessions.get(port) === session) this.#sessions.delete(port);
    };
    session.then((opened) => {
      if (this.ended) opened.destroy();
      else if (opened.closed) forget();
      opened.on('goaway', forget);
      opened.on('close', forget);
    }, forget);
    return session;
  }

  openShell(): Promise<ShellSession> {
    return this.#guests.dialer.openShell(this.microvmId);
  }

  /** The connection used last, because it is the least likely to be closed by the application right now. */
  takeIdle(port: number, replayable: boolean): Http1Upstream | undefined {
    const list = this.#idle.get(port);
    const upstream = list?.at(-1);
    if (!upstream) return undefined;
    const now = Date.now();
    if (upstream.idleUntil <= now || (!replayable && now - upstream.idleSince > freshMs)) return undefined;
    list!.pop();
    return upstream;
  }

  keep(upstream: Http1Upstream): void {
    let list = this.#idle.get(upstream.port);
    if (!list) {
      list = [];
      this.#idle.set(upstream.port, list);
    }
    if (this.ended || list.length >= idlePerPort) upstream.close();
    else list.push(upstream);
  }

  drop(upstream: Http1Upstream): void {
    const list = this.#idle.get(upstream.port);
    const at = list?.indexOf(upstream) ?? -1;
    if (at >= 0) list!.splice(at, 1);
  }

  /** Closes connections that were kept long enough. */
  sweep(now: number): void {
    for (const [port, list] of this.#idle) {
      for (const upstream of list.filter((one) => one.idleUntil <= now)) upstream.close();
      if (list.length === 0) this.#idle.delete(port);
    }
  }

  #closeIdle(): void {
    for (const list of this.#idle.values()) for (const upstream of [...list]) upstream.close();
    this.#idle.clear();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const unregister of this.#registrations) unregister();
    this.#guests.remove(this);
    this.#closeIdle();
    for (const user of [...this.#open]) user.cut();
    this.#open.clear();
    for (const session of this.#sessions.values()) {
      session.then(
        (opened) => opened.destroy(),
        () => {},
      );
    }
    this.#sessions.clear();
  }
}

/** All running MicroVMs that had traffic. */
export class Guests {
  readonly directory: EndpointDirectory;
  readonly dialer: GuestDialer;
  readonly #running = new Map<string, Guest>();

  readonly limits: (microvmId: string) => GuestLimits;

  constructor(
    directory: EndpointDirectory,
    dialer: GuestDialer,
    limits: (microvmId: string) => GuestLimits = () => ({}),
  ) {
    this.limits = limits;
    this.directory = directory;
    this.dialer = dialer;
  }

  /** The MicroVM if it takes traffic right now. */
  ready(microvmId: string): Guest | undefined {
    return this.directory.takesTraffic(microvmId) ? this.#guest(microvmId) : undefined;
  }

  /** Waits until the MicroVM takes traffic. @throws EndpointUnavailable, or the signal's reason. */
  acquire(microvmId: string, signal: AbortSignal): Promise<Guest> {
    return this.directory.acquire(microvmId, signal).then(() => this.#guest(microvmId));
  }

  #guest(microvmId: string): Guest {
    let guest = this.#running.get(microvmId);
    if (!guest) {
      guest = new Guest(microvmId, this);
      this.#running.set(microvmId, guest);
    }
    return guest;
  }

  remove(guest: Guest): void {
    if (this.#running.get(guest.microvmId) === guest) this.#running.delete(guest.microvmId);
  }

  sweep(now: number): void {
    for (const guest of this.#running.values()) guest.sweep(now);
  }

  end(): void {
    for (const guest of [...this.#running.values()]) guest.end();
  }
}

import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { type Endpoint, type EndpointDirectory, EndpointUnavailable } from '../../src/control/endpoints.ts';
import { PortClosed, type ShellSession } from '../../src/control/host.ts';
import type { TokenPorts } from '../../src/control/tokens.ts';
import { BrowserLinks } from '../../src/ingress/browser-links.ts';
import type { GuestDialer } from '../../src/ingress/guest-dialer.ts';
import { type Ingress, type IngressOptions, startIngress } from '../../src/ingress/server.ts';
import { Tokens } from '../../src/ingress/tokens.ts';
import { createLog } from '../../src/log/log.ts';
import { ensureCertificates } from '../../src/setup/certificates.ts';

/** A MicroVM made of servers on loopback: the directory and the dialer that the endpoint asks. */
export class Loopback implements EndpointDirectory, GuestDialer {
  readonly endpoints = new Map<string, Endpoint>();
  /** Guest port → port on loopback. */
  readonly ports = new Map<number, number>();
  readonly listeners = new Map<string, Set<() => void>>();
  state: 'running' | 'suspended' | 'gone' = 'running';
  autoResume = true;
  failResume = false;
  failDials = 0;
  resumeMs = 0;
  acquired = 0;
  resumes = 0;
  touches = 0;
  dials = 0;
  shell: () => Promise<ShellSession> = () => Promise.reject(new Error('no shell'));
  #resuming: Promise<void> | undefined;

  find(hostname: string): Endpoint | undefined {
    return this.endpoints.get(hostname.replace(/:\d+$/, '').toLowerCase());
  }

  takesTraffic(): boolean {
    if (this.state !== 'running') return false;
    this.acquired++;
    return true;
  }

  async acquire(): Promise<void> {
    this.acquired++;
    if (this.state === 'gone') throw new EndpointUnavailable('terminated');
    if (this.state === 'suspended' && !this.autoResume) throw new EndpointUnavailable('suspended');
    if (this.state === 'running') return;
    this.#resuming ??= new Promise<void>((resolve) => setTimeout(resolve, this.resumeMs)).then(() => {
      this.#resuming = undefined;
      if (this.failResume) throw new EndpointUnavailable('resumeFailed');
      this.resumes++;
      this.state = 'running';
    });
    await this.#resuming;
  }

  touch(): void {
    this.touches++;
  }

  onEnd(microvmId: string, listener: () => void): () => void {
    const set = this.listeners.get(microvmId) ?? new Set();
    this.listeners.set(microvmId, set.add(listener));
    return () => set.delete(listener);
  }

  onSuspending(): () => void {
    return () => {};
  }

  /** What control does before it suspends. */
  suspend(microvmId: string): void {
    this.state = 'suspended';
    for (const listener of [...(this.listeners.get(microvmId) ?? [])]) listener();
  }

  dial(_microvmId: string, port: number): Promise<Duplex> {
    this.dials++;
    const target = this.ports.get(port);
    if (this.failDials-- > 0) return Promise.reject(new Error('the channel is closed'));
    if (this.state !== 'running') return Promise.reject(new Error('not running'));
    if (target === undefined) return Promise.reject(new PortClosed(`port ${port}`));
    return new Promise((resolve, reject) => {
      const socket = connect(target, '127.0.0.1', () => resolve(socket));
      socket.once('error', reject);
      socket.on('error', () => {});
    });
  }

  openShell(): Promise<ShellSession> {
    return this.shell();
  }
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  trailers: NodeJS.Dict<string>;
  body: Buffer;
  text: string;
}

/** An endpoint with one MicroVM behind it, and clients for it. */
export class Bed {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'squib-ingress-'));
  readonly guest = new Loopback();
  readonly microvmId = `microvm-${randomUUID()}`;
  readonly host = `${randomUUID()}.lambda-microvm.us-east-1.localhost`;
  readonly lines: Record<string, unknown>[] = [];
  readonly agent: Agent;
  ingress!: Ingress;
  tokens!: Tokens;
  links!: BrowserLinks;
  /** Added to what links take for the time, in milliseconds. */
  later = 0;
  caFile = '';
  ca!: Buffer;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.guest.endpoints.set(this.host, { microvmId: this.microvmId, httpIngress: true, shellIngress: true });
    this.agent = new Agent({ keepAlive: true });
  }

  static async start(more: Partial<IngressOptions> = {}): Promise<Bed> {
    const bed = new Bed();
    const certificates = await ensureCertificates(bed.dataDir, { region: 'us-east-1', domain: 'localhost' });
    bed.tokens = await Tokens.open(bed.dataDir);
    bed.links = new BrowserLinks(bed.tokens, () => Date.now() + bed.later);
    bed.caFile = certificates.caFile;
    bed.ca = readFileSync(certificates.caFile);
    bed.ingress = await startIngress({
      host: '127.0.0.1',
      ports: [0],
      certificate: certificates.current,
      tokens: bed.tokens,
      links: bed.links,
      directory: bed.guest,
      dialer: bed.guest,
      log: createLog((line) => bed.lines.push(JSON.parse(line) as Record<string, unknown>)),
      ...more,
    });
    return bed;
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.ingress.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Puts a server behind a guest port; any server of Node that has `listen` will do. */
  async serve(guestPort: number, server: Server): Promise<void> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.guest.ports.set(guestPort, (server.address() as AddressInfo).port);
  }

  /** Puts bare bytes behind a guest port. */
  serveRaw(guestPort: number, talk: (socket: Socket) => void): Promise<void> {
    return this.serve(guestPort, createServer(talk));
  }

  token(ports: TokenPorts = 'all', minutes = 5, microvmId = this.microvmId): Promise<string> {
    return this.tokens.issue({ microvmId, kind: 'app', ports, expiresAt: Date.now() + minutes * 60_000 });
  }

  shellToken(): Promise<string> {
    const expiresAt = Date.now() + 60_000;
    return this.tokens.issue({ microvmId: this.microvmId, kind: 'shell', ports: [], expiresAt });
  }

  options(more: RequestOptions): RequestOptions {
    return {
      host: '127.0.0.1',
      port: this.ingress.port,
      servername: this.host,
      ca: this.ca,
      agent: this.agent,
      path: '/',
      ...more,
      headers: { host: this.host, ...(more.headers as Record<string, string>) },
    };
  }

  /** One request with Node's own client. */
  ask(more: RequestOptions & { body?: Buffer | string } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(this.options(more), (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body,
            text: body.toString(),
          });
        });
      });
      request.on('error', reject);
      request.end(more.body);
    });
  }

  /** One authenticated request. */
  async get(path = '/', headers: Record<string, string> = {}, more: RequestOptions & { body?: string } = {}) {
    return this.ask({ path, ...more, headers: { 'x-aws-proxy-auth': await this.token(), ...headers } });
  }

  webSocket(protocols: string[], headers: Record<string, string> = {}, path = '/'): WebSocket {
    const options: ClientOptions & { servername: string } = {
      ca: this.ca,
      servername: this.host,
      headers: { host: this.host, ...headers },
    };
    return new WebSocket(`wss://127.0.0.1:${this.ingress.port}${path}`, protocols, options);
  }

  /** A TLS connection for bytes of the test's own. */
  raw(): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = tlsConnect(
        { host: '127.0.0.1', port: this.ingress.port, servername: this.host, ca: this.ca },
        () => resolve(socket),
      );
      socket.on('error', reject);
    });
  }

  /** Sends bytes and collects what comes until the endpoint closes (which requests can ask for), or `ms` have passed. */
  async sends(
    bytes: string | Buffer,
    ms = /connection: close|HTTP\/1\.0/i.test(String(bytes)) ? 10_000 : 400,
  ): Promise<string> {
    const socket = await this.raw();
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.write(bytes, 'latin1' as BufferEncoding);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, ms))]);
    socket.destroy();
    return text;
  }
}

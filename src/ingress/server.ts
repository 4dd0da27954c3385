import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { EndpointDirectory } from '../control/endpoints.ts';
import { SquibError } from '../errors/squib-error.ts';
import type { Log } from '../log/log.ts';
import type { KeyPair } from '../setup/certificates.ts';
import { AccessBatch, accessByLog, accessByMetrics } from './access-log.ts';
import { BrowserLinks } from './browser-links.ts';
import type { Services } from './exchange.ts';
import type { GuestDialer } from './guest-dialer.ts';
import { Guests } from './guests.ts';
import { Http1Connection } from './http1/client-connection.ts';
import { Http2Front } from './http2/server.ts';
import type { GuestLimits } from './limits/guest-limits.ts';
import type { Tokens } from './tokens.ts';

const handshakeMs = 10_000;
const sweepMs = 1000;
const renewMs = 24 * 3600 * 1000;

export interface IngressOptions {
  host: string;
  /** The first that can be bound is taken; 0 stands for any free one. See {@link endpointPorts}. */
  ports: number[];
  /** A socket that listens already; `host` and `ports` do not matter then. */
  fd?: number;
  /** Certificate and key of the endpoints, asked for again once a day, so that a renewed one takes effect. */
  certificate: () => Promise<KeyPair>;
  tokens: Tokens;
  /** Without it nobody can make links for browsers. */
  links?: BrowserLinks;
  directory: EndpointDirectory;
  dialer: GuestDialer;
  log: Log;
  /** What each MicroVM's endpoint carries; asked once after each resume. Without it there is no limit. */
  limits?: (microvmId: string) => GuestLimits;
  /**
   * Where the line per request goes: to `log` one by one, or in batches (complete lines joined by line breaks) to a
   * function, which costs a busy endpoint less. False leaves it out.
   */
  accessLog?: false | ((lines: string) => void);
}

export interface Ingress {
  readonly host: string;
  readonly port: number;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

/** Ports to try for a setting: `0` means 443 where it may be bound, else 8443. */
export function endpointPorts(setting: number): number[] {
  return setting === 0 ? [443, 8443] : [setting];
}

async function bind(server: Server, options: IngressOptions): Promise<void> {
  const { ports, host, fd } = options;
  if (fd !== undefined) {
    server.listen({ fd });
    await once(server, 'listening'); // or throws its error
    return;
  }
  for (const [at, port] of ports.entries()) {
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen(port, host, () => resolve(undefined));
    });
    server.removeAllListeners('error');
    server.removeAllListeners('listening');
    if (!error) return;
    if ((error.code !== 'EACCES' && error.code !== 'EADDRINUSE') || at === ports.length - 1) {
      throw new SquibError(
        `The endpoints cannot listen on ${host}:${port} (${error.code}).`,
        'Free the port, or set endpoint.host and endpoint.port in the configuration.',
        { cause: error },
      );
    }
    options.log.info('ingress.portTaken', { host, port, reason: error.code });
  }
}

/**
 * Starts the HTTPS endpoint of all MicroVMs. Decision P11: there is no port for plain HTTP.
 * @throws SquibError when none of the ports can be bound.
 */
export async function startIngress(options: IngressOptions): Promise<Ingress> {
  const { directory, dialer, tokens, log } = options;
  const guests = new Guests(directory, dialer, options.limits);
  const { accessLog } = options;
  const batch = accessLog ? new AccessBatch(accessLog) : undefined;
  const lines = accessLog === false ? undefined : (batch?.sink ?? accessByLog(log));
  const access = accessByMetrics(lines);
  const links = options.links ?? new BrowserLinks(tokens);
  const services: Services = { tokens, links, directory, guests, log, access };
  const connections = new Set<Http1Connection>();
  const sockets = new Set<Socket>();
  const server = createServer({
    ...(await options.certificate()),
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeMs,
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const http2 = new Http2Front(services);
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') {
      http2.accept(socket);
      return;
    }
    const connection = new Http1Connection(socket, services);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  const sweep = setInterval(() => {
    const now = Date.now();
    for (const connection of connections) {
      if (connection.deadline !== 0 && connection.deadline < now) connection.expire();
    }
    guests.sweep(now);
    http2.sweep(now);
  }, sweepMs);
  const renew = setInterval(() => {
    options.certificate().then(
      (pair) => server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }),
      (error: Error) => log.error('ingress.certificate', { error }),
    );
  }, renewMs);
  sweep.unref();
  renew.unref();
  await bind(server, options);
  server.on('error', (error) => log.error('ingress.server', { error }));
  const { port, address } = server.address() as AddressInfo;
  const host = options.fd === undefined ? options.host : address;
  log.info('ingress.listening', { host, port });
  return {
    host,
    port,
    close: async () => {
      clearInterval(sweep);
      clearInterval(renew);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      guests.end();
      for (const socket of sockets) socket.destroy();
      await closed;
      batch?.flush();
    },
  };
}

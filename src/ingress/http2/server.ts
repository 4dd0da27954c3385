import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Services } from '../exchange.ts';
import { Http2ClientStream, type Http2Connection } from './client-stream.ts';

/** What one client may have open or cost at a time. */
const limits = {
  streams: 128,
  headerBytes: 32_768,
  headerFields: 200,
  /** RST_STREAMs that are accepted at once and per second afterwards (rapid reset). */
  resetBurst: 400,
  resetRate: 40,
  idleMs: 240_000,
};

/** AWS's window of 64 KiB makes uploads slow over distance; memory stays bounded with these. */
const streamWindow = 512 * 1024;
const sessionWindow = 4 * 1024 * 1024;

/** Takes over TLS connections on which the client chose HTTP/2. */
export class Http2Front {
  readonly #server: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Http2Connection>();

  constructor(services: Services) {
    this.#server = createServer({
      settings: {
        maxConcurrentStreams: limits.streams,
        initialWindowSize: streamWindow,
        maxHeaderListSize: limits.headerBytes,
        enablePush: false,
        // Decision P10: no WebSocket over HTTP/2, so no extended CONNECT.
        enableConnectProtocol: false,
      },
      maxHeaderListPairs: limits.headerFields,
      // Whatever an application answers twice is passed on twice.
      strictSingleValueFields: false,
      streamResetBurst: limits.resetBurst,
      streamResetRate: limits.resetRate,
    });
    this.#server.on('session', (session: ServerHttp2Session) => {
      const connection: Http2Connection = {
        services,
        memo: { list: [], found: undefined },
        open: 0,
        idleSince: 0,
      };
      this.#sessions.set(session, connection);
      session.on('close', () => this.#sessions.delete(session));
      session.setLocalWindowSize(sessionWindow);
      session.on('error', () => session.destroy());
      session.on('stream', (stream, _headers, flags, rawHeaders?: string[]) => {
        Http2ClientStream.accept(stream, flags, rawHeaders ?? [], connection);
      });
    });
    this.#server.on('sessionError', () => {});
  }

  /** Decision P6: quiet streams may stay; connections without any may not. */
  sweep(now: number): void {
    for (const [session, connection] of this.#sessions) {
      if (connection.open > 0) continue;
      connection.idleSince ||= now;
      if (now - connection.idleSince > limits.idleMs) session.close();
    }
  }

  accept(socket: TLSSocket): void {
    this.#server.emit('connection', socket);
  }
}

import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { Agent } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { SquibError } from '../../errors/squib-error.ts';
import type { Destination } from './destination.ts';
import { relayRequest, relayUpgrade } from './http1.ts';
import { Http2Relay } from './http2.ts';

export interface LocalProxy {
  port: number;
  close(): Promise<void>;
}

/** The first bytes of HTTP/2 with prior knowledge; no request of HTTP/1.1 begins so. */
const preface = Buffer.from('PRI * HTTP/2.0');

/**
 * Listens on the loopback interface and sends what comes on to one port of a MicroVM.
 * @param localPort 0 for any free one
 * @param complain hears what kept a request from the endpoint
 * @throws SquibError when the port cannot be bound
 */
export async function startLocalProxy(
  destination: Destination,
  localPort: number,
  complain: (problem: string) => void,
): Promise<LocalProxy> {
  const agent = new Agent({ ...destination.dial, keepAlive: true, keepAliveMsecs: 30_000, timeout: 0 });
  const relay = { destination, agent, complain };
  const http2Relay = new Http2Relay(destination, complain);
  const http1 = createHttpServer({ requestTimeout: 0, keepAliveTimeout: 60_000 });
  http1.on('request', (request, response) => void relayRequest(relay, request, response));
  http1.on('checkContinue', (request, response) => void relayRequest(relay, request, response));
  http1.on('upgrade', (request, socket, head) => void relayUpgrade(relay, request, socket, head));
  const http2 = createHttp2Server();
  http2.on('session', (session: ServerHttp2Session) => session.on('error', () => session.destroy()));
  http2.on(
    'stream',
    (stream, _headers, flags, raw?: string[]) => void http2Relay.relay(stream, flags, raw ?? []),
  );
  http2.on('sessionError', () => {});

  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      const length = Math.min(chunk.length, preface.length);
      const isHttp2 = chunk.subarray(0, length).equals(preface.subarray(0, length));
      (isHttp2 ? http2 : http1).emit('connection', socket);
      // Node's HTTP/2 takes what was read already by itself.
      if (!isHttp2) socket.resume();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new SquibError(
          `Port ${localPort} of this machine cannot be used (${error.code}).`,
          `Name another one: LOCAL:${destination.port}, or 0:${destination.port} for any.`,
        ),
      ),
    );
    server.listen(localPort, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      http2Relay.close();
      agent.destroy();
      await closed;
    },
  };
}

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { Incoming } from '../aws/http/incoming.ts';

/** Where the ingress listens, and the certificate (PEM) by which it is known. */
export interface EndpointAddress {
  host: string;
  port: number;
  cert: Buffer;
}

/** Subprotocol in which the page of the console sends its CSRF token: a WebSocket has no headers of its own. */
const CSRF_PREFIX = 'squib-console.';
const HOST = /^[0-9a-z][0-9a-z.-]{0,252}(?::\d{1,5})?$/i;

const listed = (subprotocols: string) => subprotocols.split(',').map((name) => name.trim());

/** The CSRF token among the subprotocols; empty when there is none. */
export function csrfSubprotocol(subprotocols: string): string {
  const found = listed(subprotocols).find((name) => name.startsWith(CSRF_PREFIX));
  return found?.slice(CSRF_PREFIX.length) ?? '';
}

/**
 * Carries a WebSocket of the console's page to a MicroVM's endpoint. A browser that does not trust squib's certificate
 * authority could not open it itself. The ingress checks the shell token as it checks everybody's; the bridge adds no right
 * and reaches nothing but the ingress of this daemon.
 * @param host `Host` of the endpoint, as the API names it
 */
export function bridgeShell(
  incoming: Incoming,
  host: string,
  socket: Duplex,
  head: Buffer,
  ingress: EndpointAddress,
): void {
  if (!HOST.test(host)) {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const upstream = connect({
    ...{ host: ingress.host, port: ingress.port, servername: host.replace(/:\d+$/, '') },
    ...{ ca: ingress.cert, allowPartialTrustChain: true, ALPNProtocols: ['http/1.1'] },
  });
  const end = () => {
    upstream.destroy();
    socket.destroy();
  };
  // Nobody need type for as long as the terminal is open.
  if (socket instanceof Socket) socket.setTimeout(0);
  upstream.once('error', end).once('close', end);
  socket.once('close', end);
  upstream.once('secureConnect', () => {
    upstream.write(handshake(incoming, host));
    upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
}

/** The page's handshake, for the endpoint: what only the console knows (cookie, CSRF token, origin) stays here. */
function handshake(incoming: Incoming, host: string): string {
  const subprotocols = listed(incoming.header('sec-websocket-protocol') ?? '')
    .filter((name) => !name.startsWith(CSRF_PREFIX))
    .join(', ');
  const fields = [
    'GET /shell HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Version: ${incoming.header('sec-websocket-version') ?? ''}`,
    `Sec-WebSocket-Key: ${incoming.header('sec-websocket-key') ?? ''}`,
    `Sec-WebSocket-Protocol: ${subprotocols}`,
  ];
  return `${fields.join('\r\n')}\r\n\r\n`;
}

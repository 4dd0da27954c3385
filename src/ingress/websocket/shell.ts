import { randomUUID } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { ShellSession } from '../../control/host.ts';
import type { Log } from '../../log/log.ts';
import type { Guest } from '../guests.ts';
import type { Inbound } from '../inbound.ts';
import { marker } from '../subprotocols.ts';

/** The part of an exchange that a shell needs. */
interface Holder {
  touch(): void;
  onCut(listener: () => void): void;
  done(): void;
}

/** A keystroke is small; this leaves room for pasted files. */
const largestMessage = 1024 * 1024;
/** Output that may wait in memory for a slow client. */
const highWater = 256 * 1024;
/** How long after the end of its terminal a shell's exit may still become known. */
const exitMs = 2000;

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: largestMessage,
  handleProtocols: (offered) => (offered.has(marker) ? marker : false),
});

/** The handshake as `ws` wants it: the message that Node's own parser would have made. */
function asMessage(request: Inbound, socket: TLSSocket): IncomingMessage {
  const message = new IncomingMessage(socket);
  message.method = request.method;
  message.url = request.target;
  const { list } = request.fields;
  for (let at = 0; at < list.length; at += 2) {
    message.headers[list[at]!.toLowerCase()] = list[at + 1]!;
  }
  message.headers.connection = 'Upgrade';
  message.headers.upgrade = 'websocket';
  if (typeof request.subprotocols === 'object' && request.subprotocols.marked) {
    message.headers['sec-websocket-protocol'] = marker;
  }
  return message;
}

/** Answers the handshake of a shell connection and joins it with a new shell (spec: shell). */
export function acceptShell(
  request: Inbound,
  socket: TLSSocket,
  rest: Buffer | undefined,
  guest: Guest,
  holder: Holder,
  log: Log,
): void {
  holder.onCut(() => socket.destroy());
  socket.on('close', () => holder.done());
  const message = asMessage(request, socket);
  server.handleUpgrade(message, socket, rest ?? Buffer.alloc(0), (client) => {
    const early = holdMessages(client);
    client.on('error', () => client.terminate());
    client.send(JSON.stringify({ type: 'session_init', session_id: randomUUID() }));
    guest.openShell().then(
      (shell) => join(client, shell, early(), holder),
      (error: Error) => {
        // Decision S4: without a shell the connection ends right after session_init.
        log.info('ingress.shellNotOpened', { microvmId: guest.microvmId, reason: error.message });
        client.close(1000, 'shell exited');
      },
    );
  });
  socket.resume();
}

type Message = [data: RawData, binary: boolean];

/** Keeps what a client sends before its shell is there. The returned function ends that. */
function holdMessages(client: WebSocket): () => Message[] {
  const held: Message[] = [];
  let bytes = 0;
  const hold = (data: RawData, binary: boolean) => {
    held.push([data, binary]);
    bytes += (data as Buffer).length;
    if (bytes > largestMessage) client.pause();
  };
  client.on('message', hold);
  return () => {
    client.off('message', hold);
    if (client.isPaused) client.resume();
    return held;
  };
}

/** A resize message, if the text is one. Anything else is typed into the terminal. */
function resizeIn(text: string): { columns: number; rows: number } | undefined {
  let message: { type?: unknown; cols?: unknown; rows?: unknown } | null;
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return undefined;
  }
  if (message === null || typeof message !== 'object' || message.type !== 'resize') return undefined;
  const { cols, rows } = message;
  if (!Number.isInteger(cols) || !Number.isInteger(rows)) return undefined;
  return { columns: cols as number, rows: rows as number };
}

function join(client: WebSocket, shell: ShellSession, early: Message[], holder: Holder): void {
  const { stream } = shell;
  const receive = (data: RawData, binary: boolean) => {
    // Decision S6: bytes of a shell are activity like any others.
    holder.touch();
    const bytes = data as Buffer;
    const size = binary ? undefined : resizeIn(bytes.toString());
    if (!size) {
      if (!stream.write(bytes)) client.pause();
    } else if (size.columns > 0 && size.rows > 0 && size.columns < 65_536 && size.rows < 65_536) {
      // Decision S5: the last one wins, zero is ignored.
      shell.resize(size.columns, size.rows);
    }
  };
  // A terminal that ends may report an error before its exit is known; the exit decides how the client is told.
  stream.on('error', () => {});
  stream.once('close', () => setTimeout(() => client.terminate(), exitMs).unref());
  stream.on('drain', () => client.resume());
  stream.on('data', (chunk: Buffer) => {
    holder.touch();
    client.send(chunk, { binary: true }, () => {
      if (stream.isPaused() && client.bufferedAmount < highWater) stream.resume();
    });
    if (client.bufferedAmount > highWater) stream.pause();
  });
  client.on('close', () => (stream as Duplex).destroy());
  if (client.readyState !== client.OPEN) {
    stream.destroy();
    return;
  }
  const drained = new Promise<void>((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
  // Whatever the status, and not before the last output has been sent.
  shell.exited.then(
    () => drained.then(() => client.close(1000, 'shell exited')),
    () => client.terminate(),
  );
  client.on('message', receive);
  for (const [data, binary] of early) receive(data, binary);
}

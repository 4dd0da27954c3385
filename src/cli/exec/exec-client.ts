import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import WebSocket from 'ws';
import { sign } from '../../aws/client/sign.ts';
import type { CommandOrder } from '../../control/host.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { type ClientMessage, channel, type ServerMessage } from '../../extensions/commands/messages.ts';
import type { Connection } from '../api/connection.ts';
import { unreachable } from '../api/unreachable.ts';

/** Input that may wait in memory for a slow connection, in bytes. */
const highWater = 256 * 1024;

export interface ExecStreams {
  /** Undefined: the command finds its input ended. */
  stdin: Readable | undefined;
  stdout: Writable;
  stderr: Writable;
}

/** A command that runs in a MicroVM. */
export interface RunningCommand {
  /** Exit code of the command. Rejects with SquibError when it was lost. */
  exited: Promise<number>;
  resize(columns: number, rows: number): void;
  signal(name: string): void;
}

/** Starts a command; resolves when it runs. @throws SquibError with squib's words */
export async function startExec(
  connection: Connection,
  microvmId: string,
  order: CommandOrder,
  streams: ExecStreams,
): Promise<RunningCommand> {
  const socket = await open(connection, `/_squib/v1/microvms/${encodeURIComponent(microvmId)}/exec`);
  const say = (message: ClientMessage) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  const started = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<number>();
  exited.promise.catch(() => {}); // whoever awaits it is told
  const fail = (error: Error) => {
    started.reject(error);
    exited.reject(error);
  };
  socket.on('message', (data, binary) => {
    if (binary) {
      const bytes = data as Buffer;
      const output = bytes[0] === channel.stderr ? streams.stderr : streams.stdout;
      if (!output.write(bytes.subarray(1))) {
        socket.pause();
        output.once('drain', () => socket.resume());
      }
      return;
    }
    const message = JSON.parse(String(data)) as ServerMessage;
    if (message.type === 'started') started.resolve();
    else if (message.type === 'exit') exited.resolve(message.code);
    else fail(new SquibError(message.message, "'squib help exec' shows how it is used."));
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    const why = 'The connection to squib was lost, and the command with it.';
    fail(new SquibError(why, "'squib status' shows whether squib is up."));
  });
  say({ type: 'start', ...order });
  await started.promise;
  sendInput(socket, say, streams.stdin);
  return {
    exited: exited.promise.finally(() => socket.close()),
    resize: (columns, rows) => say({ type: 'resize', columns, rows }),
    signal: (name) => say({ type: 'signal', signal: name }),
  };
}

function sendInput(
  socket: WebSocket,
  say: (message: ClientMessage) => void,
  stdin: Readable | undefined,
): void {
  if (stdin === undefined) {
    say({ type: 'end' });
    return;
  }
  stdin.on('data', (chunk: Buffer) => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(chunk, { binary: true }, () => {
      if (stdin.isPaused() && socket.bufferedAmount < highWater) stdin.resume();
    });
    if (socket.bufferedAmount > highWater) stdin.pause();
  });
  stdin.once('end', () => say({ type: 'end' }));
}

async function open(connection: Connection, path: string): Promise<WebSocket> {
  const url = new URL(path, connection.endpoint);
  const headers = sign({ method: 'GET', url, headers: {}, body: '' }, connection, 'squib', Date.now());
  const socket = new WebSocket(url.href.replace(/^http/, 'ws'), { headers, perMessageDeflate: false });
  const refused = new Promise<never>((_, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('close', () =>
        reject(refusal(Buffer.concat(chunks).toString(), response.statusCode ?? 0)),
      );
    });
    socket.once('error', (cause) => reject(unreachable(connection, cause)));
  });
  await Promise.race([once(socket, 'open'), refused]);
  refused.catch(() => {});
  return socket;
}

function refusal(text: string, status: number): SquibError {
  let said: unknown;
  try {
    said = (JSON.parse(text) as Record<string, unknown>).message;
  } catch {
    // Not squib's: a proxy in between that knows no WebSockets, say.
  }
  const message = typeof said === 'string' ? said : `squib answered with HTTP status ${status}.`;
  return new SquibError(message, "'squib ps' lists the MicroVMs that there are.");
}

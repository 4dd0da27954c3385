import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Caller } from '../../aws/caller.ts';
import type { AcceptUpgrade } from '../../aws/service.ts';
import type { CommandOrder, CommandSession } from '../../control/host.ts';
import type { Commands } from '../../control/microvms/commands.ts';
import { ServiceError } from '../../errors/service-error.ts';
import type { Log } from '../../log/log.ts';
import { Inbox } from './inbox.ts';
import { type ClientMessage, channel, readMessage, type ServerMessage } from './messages.ts';

/** The longest message of a client, in bytes; more room than the longest command needs. */
const largestMessage = 2 * 1024 * 1024;
/** Output that may wait in memory for a slow client, in bytes. */
const highWater = 256 * 1024;
/** A client that answers no ping within this time is gone. */
const pingMs = 30_000;
/** WebSocket close codes: all done; squib is going away. */
const done = 1000;
const goingAway = 1001;

/** Commands in MicroVMs over WebSockets (docs/commands.md). */
export class CommandSockets {
  readonly #commands: Commands;
  readonly #log: Log;
  readonly #clients = new Set<WebSocket>();
  readonly #server = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
    maxPayload: largestMessage,
  });

  constructor(commands: Commands, log: Log) {
    this.#commands = commands;
    this.#log = log;
  }

  /** Takes a connection over, whose first message says what to run. */
  accept(microvmId: string, caller: Caller): AcceptUpgrade {
    return (message, socket, head) => {
      this.#server.handleUpgrade(message, socket, head, (client) => {
        this.#clients.add(client);
        client.once('close', () => this.#clients.delete(client));
        client.on('error', () => client.terminate());
        keepAlive(client);
        void this.#serve(client, microvmId, caller);
      });
    };
  }

  /** Gives up every command. */
  close(): void {
    for (const client of this.#clients) {
      client.close(goingAway, 'squib is shutting down');
      client.terminate();
    }
  }

  async #serve(client: WebSocket, microvmId: string, caller: Caller): Promise<void> {
    const gone = new AbortController();
    client.once('close', () => gone.abort());
    const inbox = new Inbox(client);
    const [data, binary] = await inbox.next();
    client.pause(); // until the command runs
    try {
      const { type, ...order } = readMessage(binary ? '' : String(data));
      if (type !== 'start') throw new Error("The first message must be of type 'start'.");
      const session = await this.#commands.exec(microvmId, order as CommandOrder, caller, gone.signal);
      join(client, session, inbox);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!(error instanceof ServiceError)) this.#log.info('exec.refused', { microvmId, error });
      fail(client, (error as Error).message);
    }
  }
}

function say(client: WebSocket, message: ServerMessage): void {
  client.send(JSON.stringify(message));
}

function fail(client: WebSocket, message: string): void {
  client.resume(); // so that the answer to the close is read
  say(client, { type: 'error', message });
  client.close(done);
}

function join(client: WebSocket, session: CommandSession, inbox: Inbox): void {
  client.once('close', () => session.end());
  if (client.readyState !== client.OPEN) {
    session.end();
    return;
  }
  const { stdin, stdout, stderr } = session;
  say(client, { type: 'started' });
  forward(client, stdout, channel.stdout);
  if (stderr) forward(client, stderr, channel.stderr);
  stdin.on('drain', () => client.resume());
  client.resume();
  inbox.listen(([data, binary]) => {
    try {
      if (!binary) obey(session, readMessage(String(data)));
      else if (!stdin.writableEnded && !stdin.write(data as Buffer)) client.pause();
    } catch (error) {
      session.end();
      fail(client, (error as Error).message);
    }
  });
  void session.exited.then((code) => {
    if (code === undefined)
      return fail(client, 'The MicroVM was suspended or ended, and the command with it.');
    client.resume();
    say(client, { type: 'exit', code });
    client.close(done);
  });
}

function obey(session: CommandSession, message: ClientMessage): void {
  if (message.type === 'end') session.stdin.end();
  else if (message.type === 'resize') session.resize(message.columns, message.rows);
  else if (message.type === 'signal') session.signal(signalNumber(message.signal));
  else throw new Error('The command was started already.');
}

/** @throws Error for a name that no signal has */
function signalNumber(name: string): number {
  const signals: Partial<Record<string, number>> = constants.signals;
  const number = signals[name.startsWith('SIG') ? name : `SIG${name}`];
  if (number === undefined) throw new Error(`There is no signal ${JSON.stringify(name)}.`);
  return number;
}

function forward(client: WebSocket, output: Readable, which: number): void {
  const mark = Buffer.from([which]);
  output.on('data', (chunk: Buffer) => {
    client.send(Buffer.concat([mark, chunk]), { binary: true }, () => {
      if (output.isPaused() && client.bufferedAmount < highWater) output.resume();
    });
    if (client.bufferedAmount > highWater) output.pause();
  });
}

function keepAlive(client: WebSocket): void {
  let alive = true;
  client.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive && !client.isPaused) client.terminate();
    alive = false;
    client.ping();
  }, pingMs).unref();
  client.once('close', () => clearInterval(timer));
}

import type { Duplex } from 'node:stream';
import type { ByteMeter } from './byte-meter.ts';
import { ContainerOutput } from './container-output.ts';
import {
  type CommandSpec,
  type ContainerSpec,
  encodeArguments,
  encodeCommand,
  encodeContainerSpec,
} from './container-spec.ts';
import { GuestGone, GuestProtocolError } from './errors.ts';
import { FrameParser } from './frame-parser.ts';
import { FrameWriter } from './frame-writer.ts';
import type { GuestStream } from './guest-stream.ts';
import { shakeHands } from './handshake.ts';
import {
  bodyMax,
  containerState,
  controlStream,
  eventContainerExit,
  execFlag,
  type Frame,
  frameType,
  protocolVersion,
  request,
  stderrStream,
  stdoutStream,
  streamKind,
  thawFlag,
} from './protocol.ts';
import { Requests } from './requests.ts';
import { type GuestProcess, Streams } from './streams.ts';
import { type UpwardListener, UpwardStreams } from './upward-streams.ts';

export type { CommandSpec, ContainerSpec } from './container-spec.ts';
export {
  GuestGone,
  GuestOutdated,
  GuestPortClosed,
  GuestProtocolError,
  GuestRequestFailed,
  GuestStreamReset,
} from './errors.ts';
export type { GuestProcess } from './streams.ts';
export type { UpwardKind, UpwardListener } from './upward-streams.ts';

/** A pseudo-terminal in the container. `exited`: exit code, 128 + signal, or 129 (hang-up) when it was lost. */
export interface GuestShell {
  stream: Duplex;
  resize(columns: number, rows: number): void;
  exited: Promise<number>;
}

/** Address of a guest's network card; IPv4 in dotted form. */
export interface GuestNetwork {
  address: string;
  gateway: string;
  prefixLength: number;
}

/**
 * The host's end of the channel to one guest agent (docs/channel.md). The agent is not trusted: whatever it sends
 * against the protocol ends the connection with a {@link GuestProtocolError}.
 */
export class GuestConnection {
  /** Resolves when the connection is over: undefined after {@link close}, otherwise why. */
  readonly closed: Promise<Error | undefined>;
  readonly #channel: Duplex;
  readonly #writer: FrameWriter;
  readonly #requests: Requests;
  readonly #streams: Streams;
  readonly #upward: UpwardStreams;
  readonly #stdout: ContainerOutput;
  readonly #stderr: ContainerOutput;
  readonly #exitListeners: ((code: number) => void)[] = [];
  #exitCode: number | undefined;
  #containerRunning = false;
  #frozen = false;
  #greeted = false;
  #closing = false;
  #resolveClosed!: (reason: Error | undefined) => void;
  #over = false;
  readonly #parser = new FrameParser((frame) => this.#take(frame));

  private constructor(channel: Duplex) {
    this.#channel = channel;
    this.#writer = new FrameWriter(channel);
    this.#requests = new Requests(this.#writer);
    this.#streams = new Streams(this.#writer);
    this.#upward = new UpwardStreams(this.#writer);
    this.#stdout = new ContainerOutput(stdoutStream, this.#writer);
    this.#stderr = new ContainerOutput(stderrStream, this.#writer);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /**
   * Begins a connection; whatever an earlier host left in the channel is skipped, its streams are dropped.
   * The agent may still be booting: it answers as soon as it can. `timeoutMs` defaults to 30 s.
   * @throws GuestGone, GuestProtocolError; the channel is destroyed then
   */
  static async open(channel: Duplex, o: { timeoutMs?: number } = {}): Promise<GuestConnection> {
    try {
      const rest = await shakeHands(channel, o.timeoutMs ?? 30_000);
      const connection = new GuestConnection(channel);
      await connection.#begin(rest, o.timeoutMs ?? 30_000);
      return connection;
    } catch (error) {
      channel.on('error', () => {}); // the reason is known already
      channel.destroy();
      throw error;
    }
  }

  /** True when the agent has a container that has not ended. */
  get containerRunning(): boolean {
    return this.#containerRunning;
  }

  /** True when the container stood still at the connection's begin. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Resolves when the container's command runs. @throws GuestRequestFailed with the step that failed */
  async startContainer(spec: ContainerSpec): Promise<void> {
    const body = encodeContainerSpec(spec);
    if (body.length > bodyMax)
      throw new RangeError(`The container's specification has ${body.length} bytes.`);
    this.#writer.frames(controlStream, frameType.body, body);
    await this.#requests.send(request.start);
    if (this.#exitCode === undefined) this.#containerRunning = true;
  }

  /**
   * Connects to `127.0.0.1:port` (or `::1`) inside the MicroVM. The stream may be half-open either way.
   * @throws GuestPortClosed when nobody listens, GuestRequestFailed, GuestGone
   */
  dial(port: number, meter?: ByteMeter): Promise<GuestStream> {
    const body = Buffer.alloc(2);
    body.writeUInt16LE(port);
    return this.#streams.open(streamKind.tcp, body, { meter });
  }

  /** Resolves when no process of the container runs any more and the disk is synced. @throws GuestRequestFailed */
  async freeze(): Promise<void> {
    await this.#requests.send(request.freeze);
  }

  /** Lets the container go on; after a restore, the time (nanoseconds) and randomness it gets before that. */
  async thaw(o?: { epochNanoseconds: bigint; entropy: Buffer; resetConnections: boolean }): Promise<void> {
    if (!o) {
      await this.#requests.send(request.thaw, Buffer.alloc(1));
      return;
    }
    const head = Buffer.alloc(9);
    head[0] = thawFlag.restored | (o.resetConnections ? thawFlag.resetConnections : 0);
    head.writeBigUInt64LE(o.epochNanoseconds, 1);
    await this.#requests.send(request.thaw, Buffer.concat([head, o.entropy]));
  }

  /**
   * Clears memory that is free but was used, so that a snapshot need not hold it; the container must be frozen.
   * @param size of the machine's memory, in bytes @param written how much of it was ever written
   */
  async scrub({ size, written }: { size: number; written: number }): Promise<void> {
    const body = Buffer.alloc(16);
    body.writeBigUInt64LE(BigInt(size), 0);
    body.writeBigUInt64LE(BigInt(written), 8);
    await this.#requests.send(request.scrub, body);
  }

  /**
   * Has the agent's kernel do once what the first request will make it do; the container must be frozen, and stays so.
   * Resets connections to the outside. @throws GuestRequestFailed, also from agents that are older
   */
  async rehearse(): Promise<void> {
    await this.#requests.send(request.rehearse);
  }

  /** Gives the guest's network card an address and a default route; undefined: none, and the card is down. */
  async setNetwork(network: GuestNetwork | undefined): Promise<void> {
    if (!network) return this.#requests.send(request.network);
    const bytes = [...network.address.split('.'), ...network.gateway.split('.'), network.prefixLength];
    await this.#requests.send(request.network, Buffer.from(bytes.map(Number)));
  }

  /** Takes the address, but leaves the card up, which takes a guest far longer than getting another address. */
  async takeAddress(): Promise<void> {
    await this.#requests.send(request.network, Buffer.alloc(1));
  }

  /** Hears of connections that the container makes to its host's services; without a listener they are refused. */
  onUpward(listener: UpwardListener): void {
    this.#upward.listen(listener);
  }

  /** Resolves when everything written in the guest is on its disk. @throws GuestRequestFailed */
  async sync(): Promise<void> {
    await this.#requests.send(request.sync);
  }

  /** One round trip through the agent. */
  async ping(): Promise<void> {
    await this.#requests.send(request.ping);
  }

  /** Kills the container, flushes the disk and switches the machine off; resolves when the channel is gone. */
  async powerOff(): Promise<void> {
    this.#requests.send(request.powerOff).catch(() => {}); // it is never answered
    await this.closed;
  }

  /** A shell (bash, else sh) or `argv` as uid 0 in the container. @throws GuestRequestFailed, GuestGone */
  async openShell(
    o: { columns: number; rows: number; argv?: string[] },
    meter?: ByteMeter,
  ): Promise<GuestShell> {
    const size = Buffer.alloc(4);
    size.writeUInt16LE(o.columns, 0);
    size.writeUInt16LE(o.rows, 2);
    return this.#streams.openShell(Buffer.concat([size, encodeArguments(o.argv ?? [])]), meter);
  }

  /**
   * Runs a command in the container, on a terminal where its size is given.
   * @throws GuestRequestFailed, GuestOutdated, GuestGone, RangeError for what the agent could not read
   */
  exec(
    command: CommandSpec,
    o: { terminal?: { columns: number; rows: number } | undefined; meter?: ByteMeter } = {},
  ): Promise<GuestProcess> {
    const flags = o.terminal === undefined ? 0 : execFlag.terminal;
    return this.#openProcess(command, { flags, ...o.terminal, meter: o.meter });
  }

  /**
   * Copies files of the container out, or in, where they belong to the container's user; `host/files/entries.ts` knows
   * what travels on the process's output or input.
   * @throws as {@link exec}
   */
  files(direction: 'read' | 'write', path: string, meter?: ByteMeter): Promise<GuestProcess> {
    return this.#openProcess({ argv: [direction, path] }, { flags: execFlag.files, meter });
  }

  async #openProcess(command: CommandSpec, o: Parameters<Streams['openProcess']>[1]): Promise<GuestProcess> {
    const encoded = encodeCommand(command);
    if (encoded.length > bodyMax) throw new RangeError(`The command has ${encoded.length} bytes.`);
    return this.#streams.openProcess(encoded, o);
  }

  /** Hears every chunk of the container's output from the connection's begin; a chunk is valid during the call. */
  onOutput(listener: (stream: 'stdout' | 'stderr', chunk: Buffer) => void): void {
    this.#stdout.listen((chunk) => listener('stdout', chunk));
    this.#stderr.listen((chunk) => listener('stderr', chunk));
  }

  /** Called once; at the next turn when the container had ended before this connection. */
  onContainerExit(listener: (code: number) => void): void {
    const code = this.#exitCode;
    if (code === undefined) this.#exitListeners.push(listener);
    else queueMicrotask(() => listener(code));
  }

  /** Takes leave: the agent drops what belongs to this connection, its last output arrives, the channel is closed. */
  async close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      this.#writer.frame(controlStream, frameType.goodbye);
      const impatient = setTimeout(() => this.#finish(undefined), 2_000);
      await this.closed;
      clearTimeout(impatient);
    }
    await this.closed;
  }

  #begin(rest: Buffer, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#finish(new GuestGone('The guest agent did not say HELLO.')),
        timeoutMs,
      );
      this.#resolveGreeted = () => {
        clearTimeout(timer);
        resolve();
      };
      void this.closed.then((reason) => {
        clearTimeout(timer);
        reject(reason ?? new GuestGone('The connection was closed.'));
      });
      this.#channel.on('error', (cause) => this.#finish(new GuestGone('The channel broke.', { cause })));
      this.#channel.on('close', () => this.#finish(new GuestGone('The channel was closed.')));
      this.#channel.on('end', () => this.#finish(new GuestGone('The channel was closed.')));
      this.#receive(rest);
      this.#channel.on('data', (chunk: Buffer) => this.#receive(chunk));
      this.#channel.resume();
    });
  }

  #resolveGreeted: () => void = () => {};

  #receive(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#finish(error as Error);
    }
  }

  #finish(reason: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const error = reason ?? new GuestGone('The connection to the guest agent was closed.');
    this.#channel.destroy();
    this.#requests.fail(error);
    this.#streams.fail(error);
    this.#upward.fail(error);
    this.#resolveClosed(this.#closing ? undefined : reason);
  }

  #take(frame: Frame): void {
    if (this.#over) return;
    if (frame.stream === stdoutStream || frame.stream === stderrStream) this.#takeOutput(frame);
    else if (frame.stream % 2 === 1) this.#streams.take(frame);
    else if (frame.stream !== controlStream) this.#upward.take(frame);
    else if (!this.#greeted) this.#takeHello(frame);
    else this.#takeControl(frame);
  }

  #takeOutput(frame: Frame): void {
    if (frame.type === frameType.data) {
      (frame.stream === stdoutStream ? this.#stdout : this.#stderr).takeData(frame.payload);
    } else if (frame.type !== frameType.end) {
      throw new GuestProtocolError(`The guest agent sent frame ${frame.type} on an output stream.`);
    }
  }

  #takeHello({ type, payload }: Frame): void {
    if (type === frameType.fault) throw faultOf(payload);
    if (type !== frameType.hello || payload.length < 8) {
      throw new GuestProtocolError('The guest agent did not say HELLO.');
    }
    const version = payload.readUInt16LE(0);
    if (version !== protocolVersion) {
      throw new GuestProtocolError(`The guest agent speaks version ${version} of the protocol.`);
    }
    this.#greeted = true;
    this.#containerRunning = payload[2] === containerState.running;
    this.#frozen = payload[3] !== 0;
    if (payload[2] === containerState.exited) this.#exitCode = payload.readUInt32LE(4);
    this.#resolveGreeted();
  }

  #takeControl({ type, payload }: Frame): void {
    if (type === frameType.reply && payload.length >= 5) {
      this.#requests.takeReply(payload);
    } else if (type === frameType.event && payload.length === 5 && payload[0] === eventContainerExit) {
      this.#takeContainerExit(payload.readUInt32LE(1));
    } else if (type === frameType.goodbye && this.#closing) {
      this.#finish(undefined);
    } else if (type === frameType.fault) {
      throw faultOf(payload);
    } else {
      throw new GuestProtocolError(`The guest agent sent an unknown control frame (${type}).`);
    }
  }

  #takeContainerExit(code: number): void {
    if (this.#exitCode !== undefined) return;
    this.#exitCode = code;
    this.#containerRunning = false;
    for (const listener of this.#exitListeners) listener(code);
  }
}

/** The agent's complaint, without anything that could disturb a log. */
function faultOf(payload: Buffer): GuestProtocolError {
  const text = payload
    .toString('latin1')
    .replace(/[^ -~]/g, '?')
    .slice(0, 200);
  return new GuestProtocolError(`The guest agent ended the connection: ${text}.`);
}

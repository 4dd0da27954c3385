import type { ByteMeter } from './byte-meter.ts';
import {
  GuestGone,
  GuestOutdated,
  GuestPortClosed,
  GuestProtocolError,
  GuestRequestFailed,
  GuestStreamReset,
} from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { GuestShell } from './guest-connection.ts';
import { GuestStream } from './guest-stream.ts';
import {
  controlStream,
  execFlag,
  type Frame,
  followingStreamId,
  frameType,
  receiveWindow,
  refusal,
  streamKind,
} from './protocol.ts';
import { textOf } from './requests.ts';

/** An opening that the agent has not answered after this is given up, in milliseconds. */
const patience = 10_000;
/** An exit code for a shell that was hung up on. */
const hungUp = 129;

interface Entry {
  stream: GuestStream;
  /** Settles the opening; undefined once that is done. */
  opening: { resolve: (stream: GuestStream) => void; reject: (error: Error) => void } | undefined;
  /** Set for shells and commands. */
  exited: ((code: number) => void) | undefined;
  /** Set for the output of a command, which is open with the command and goes one way. */
  oneWay?: boolean;
}

/** A process in the container. */
export interface GuestProcess {
  /** Takes its input; on a terminal it is also what the process writes. */
  stream: GuestStream;
  /** Undefined on a terminal. */
  output: { stdout: GuestStream; stderr: GuestStream } | undefined;
  /** Exit code, or 128 + signal; undefined when the process was lost with the connection. */
  exited: Promise<number | undefined>;
  resize(columns: number, rows: number): void;
  /** To the process and its group. */
  signal(number: number): void;
}

/** The streams that the host opened on one connection. */
export class Streams {
  readonly #writer: FrameWriter;
  readonly #open = new Map<number, Entry>();
  #nextId = 1;
  #failed: Error | undefined;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** @throws GuestPortClosed, GuestRequestFailed, GuestGone */
  open(
    kind: number,
    body: Buffer,
    o: { exited?: (code: number) => void; lost?: () => void; meter?: ByteMeter | undefined } = {},
  ): Promise<GuestStream> {
    if (this.#failed) return Promise.reject(this.#failed);
    const id = this.#takeId();
    const head = Buffer.alloc(5);
    head[0] = kind;
    head.writeUInt32LE(receiveWindow, 1);
    const payload = Buffer.concat([head, body]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (this.#open.get(id)?.stream !== stream) return;
        this.#open.delete(id);
        this.#writer.frame(id, frameType.reset);
        reject(new GuestRequestFailed(`Nothing answered inside the MicroVM within ${patience} ms.`));
      }, patience);
      timer.unref();
      const settled = (act: () => void) => {
        clearTimeout(timer);
        act();
      };
      const opening = {
        resolve: (opened: GuestStream) => settled(() => resolve(opened)),
        reject: (error: Error) => settled(() => reject(error)),
      };
      const done = () => {
        if (this.#open.get(id)?.stream === stream) this.#open.delete(id);
        if (o.lost) o.lost();
        else o.exited?.(hungUp);
      };
      const stream = new GuestStream(id, this.#writer, done, o.meter);
      this.#writer.frame(id, frameType.open, payload);
      this.#open.set(id, { stream, opening, exited: o.exited });
    });
  }

  #takeId(): number {
    while (this.#open.has(this.#nextId)) this.#nextId = followingStreamId(this.#nextId);
    const id = this.#nextId;
    this.#nextId = followingStreamId(id);
    return id;
  }

  /**
   * Starts a command.
   * @param command as `encodeCommand` writes it
   * @throws GuestRequestFailed, GuestOutdated, GuestGone
   */
  async openProcess(
    command: Buffer,
    o: { flags: number; columns?: number; rows?: number; meter?: ByteMeter | undefined },
  ): Promise<GuestProcess> {
    if (this.#failed) throw this.#failed;
    const onTerminal = (o.flags & execFlag.terminal) !== 0;
    const [stdout, stderr] = onTerminal ? [] : [this.#openOutput(o.meter), this.#openOutput(o.meter)];
    const body = Buffer.alloc(13);
    body[0] = o.flags;
    body.writeUInt16LE((o.columns ?? 0) & 0xffff, 1);
    body.writeUInt16LE((o.rows ?? 0) & 0xffff, 3);
    body.writeUInt32LE(stdout?.id ?? 0, 5);
    body.writeUInt32LE(stderr?.id ?? 0, 9);
    let exit!: (code: number | undefined) => void;
    const exited = new Promise<number | undefined>((resolve) => {
      exit = resolve;
    });
    let stream: GuestStream;
    try {
      this.#writer.frames(controlStream, frameType.body, command);
      const lost = () => exit(undefined);
      stream = await this.open(streamKind.exec, body, { exited: exit, lost, meter: o.meter });
    } catch (error) {
      stdout?.takeReset(error as Error);
      stderr?.takeReset(error as Error);
      throw error;
    }
    if (!onTerminal) stream.resume(); // so that its end is seen
    return {
      stream,
      output: stdout && stderr && { stdout, stderr },
      exited,
      resize: (columns, rows) => this.#resize(stream, columns, rows),
      signal: (number) => {
        if (!stream.destroyed) this.#writer.frame(stream.id, frameType.signal, Buffer.from([number]));
      },
    };
  }

  #openOutput(meter: ByteMeter | undefined): GuestStream {
    const id = this.#takeId();
    const done = () => {
      if (this.#open.get(id)?.stream === stream) this.#open.delete(id);
    };
    const stream = new GuestStream(id, this.#writer, done, meter);
    this.#open.set(id, { stream, opening: undefined, exited: undefined, oneWay: true });
    return stream;
  }

  #resize(stream: GuestStream, columns: number, rows: number): void {
    if (stream.destroyed) return;
    const size = Buffer.alloc(4);
    size.writeUInt16LE(columns & 0xffff, 0);
    size.writeUInt16LE(rows & 0xffff, 2);
    this.#writer.frame(stream.id, frameType.resize, size);
  }

  async openShell(body: Buffer, meter?: ByteMeter): Promise<GuestShell> {
    let exit!: (code: number) => void;
    const exited = new Promise<number>((resolve) => {
      exit = resolve;
    });
    const stream = await this.open(streamKind.shell, body, { exited: exit, meter });
    return {
      stream,
      exited,
      resize: (columns, rows) => this.#resize(stream, columns, rows),
    };
  }

  /** @throws GuestProtocolError */
  take(frame: Frame): void {
    if (frame.stream % 2 === 0 || frame.stream >= 2 ** 24) {
      throw new GuestProtocolError(`The guest agent named stream ${frame.stream}, which cannot exist.`);
    }
    const entry = this.#open.get(frame.stream);
    if (!entry) return; // what was under way when this side gave the stream up
    if (entry.opening) this.#takeOpening(entry, frame);
    else this.#takeOpen(entry, frame);
  }

  /** The connection is over. */
  fail(error: Error): void {
    this.#failed = error;
    for (const entry of [...this.#open.values()]) {
      if (entry.opening) {
        entry.opening.reject(error);
        entry.opening = undefined;
        this.#open.delete(entry.stream.id);
      } else {
        entry.stream.takeReset(error);
      }
    }
  }

  #takeOpening(entry: Entry, { stream: id, type, payload }: Frame): void {
    const opening = entry.opening!;
    entry.opening = undefined;
    if (type === frameType.opened && payload.length === 4) {
      entry.stream.addCredit(payload.readUInt32LE(0));
      opening.resolve(entry.stream);
    } else if (type === frameType.refused && payload.length >= 1) {
      this.#open.delete(id);
      const text = textOf(payload.subarray(1));
      opening.reject(refusalError(payload[0], text));
    } else {
      opening.reject(new GuestGone('The connection to the guest agent was closed.'));
      throw new GuestProtocolError(`The guest agent sent frame ${type} on a stream that is not open.`);
    }
  }

  #takeOpen(entry: Entry, { type, payload }: Frame): void {
    const { stream } = entry;
    if (type === frameType.data) stream.takeData(payload);
    else if (type === frameType.credit && payload.length === 4) stream.addCredit(payload.readUInt32LE(0));
    else if (type === frameType.exit && payload.length === 4 && entry.exited) {
      entry.exited(payload.readUInt32LE(0));
    } else if (type === frameType.end) {
      if (entry.exited || entry.oneWay) stream.takeEndOfBoth();
      else stream.takeEnd();
    } else if (type === frameType.reset) {
      stream.takeReset(new GuestStreamReset('The connection was reset inside the MicroVM.'));
    } else {
      throw new GuestProtocolError(`The guest agent sent an unknown frame (${type}) on a stream.`);
    }
  }
}

function refusalError(code: number | undefined, text: string): Error {
  if (code === refusal.portClosed) return new GuestPortClosed(text);
  if (text === 'unknown kind of stream') return new GuestOutdated('The guest agent is too old for this.');
  return new GuestRequestFailed(text);
}

import type { ByteMeter } from './byte-meter.ts';
import {
  GuestGone,
  GuestPortClosed,
  GuestProtocolError,
  GuestRequestFailed,
  GuestStreamReset,
} from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { GuestShell } from './guest-connection.ts';
import { GuestStream } from './guest-stream.ts';
import { type Frame, followingStreamId, frameType, receiveWindow, refusal, streamKind } from './protocol.ts';
import { textOf } from './requests.ts';

/** An opening that the agent has not answered after this is given up, in milliseconds. */
const patience = 10_000;
/** An exit code for a shell that was hung up on. */
const hungUp = 129;

interface Entry {
  stream: GuestStream;
  /** Settles the opening; undefined once that is done. */
  opening: { resolve: (stream: GuestStream) => void; reject: (error: Error) => void } | undefined;
  /** Set for shells. */
  exited: ((code: number) => void) | undefined;
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
    o: { exited?: (code: number) => void; meter?: ByteMeter | undefined } = {},
  ): Promise<GuestStream> {
    if (this.#failed) return Promise.reject(this.#failed);
    while (this.#open.has(this.#nextId)) this.#nextId = followingStreamId(this.#nextId);
    const id = this.#nextId;
    this.#nextId = followingStreamId(id);
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
        o.exited?.(hungUp);
      };
      const stream = new GuestStream(id, this.#writer, done, o.meter);
      this.#writer.frame(id, frameType.open, payload);
      this.#open.set(id, { stream, opening, exited: o.exited });
    });
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
      resize: (columns, rows) => {
        if (stream.destroyed) return;
        const size = Buffer.alloc(4);
        size.writeUInt16LE(columns & 0xffff, 0);
        size.writeUInt16LE(rows & 0xffff, 2);
        this.#writer.frame(stream.id, frameType.resize, size);
      },
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
      const closed = payload[0] === refusal.portClosed;
      opening.reject(closed ? new GuestPortClosed(text) : new GuestRequestFailed(text));
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
      if (entry.exited) stream.takeEndOfBoth();
      else stream.takeEnd();
    } else if (type === frameType.reset) {
      stream.takeReset(new GuestStreamReset('The connection was reset inside the MicroVM.'));
    } else {
      throw new GuestProtocolError(`The guest agent sent an unknown frame (${type}) on a stream.`);
    }
  }
}

import { Duplex } from 'node:stream';
import type { ByteMeter } from './byte-meter.ts';
import { GuestProtocolError } from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import { frameType, payloadMax, receiveWindow, uint32 } from './protocol.ts';

type Done = (error?: Error | null) => void;

/**
 * One stream of the channel as a Duplex. Credit is granted as the reader consumes, writes wait for the agent's
 * credit and for room in the channel; each direction ends by itself; destroying it resets the other side.
 */
export class GuestStream extends Duplex {
  readonly id: number;
  /** Bytes that the agent has sent so far. */
  received = 0;
  readonly #writer: FrameWriter;
  readonly #onDone: () => void;
  readonly #meter: ByteMeter | undefined;
  /** What the agent still takes; unknown until it opened the stream. */
  #credit = 0;
  /** What the agent may still send. */
  #window = receiveWindow;
  /** Received and consumed, but not granted again yet. */
  #ungranted = 0;
  #unsent: Buffer | undefined;
  #unsentDone: Done | undefined;
  #sentEnd = false;
  #gotEnd = false;
  /** The agent has forgotten the stream: nothing more is to be said about it. */
  #forgotten = false;
  /** It will be destroyed in a moment. */
  #lost = false;

  constructor(id: number, writer: FrameWriter, onDone: () => void, meter?: ByteMeter) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.#writer = writer;
    this.#onDone = onDone;
    this.#meter = meter;
  }

  override _read(): void {
    this.#grant();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(chunks.length === 1 ? chunks[0]!.chunk : Buffer.concat(chunks.map((c) => c.chunk)), done);
  }

  override _final(done: Done): void {
    this.#sentEnd = true;
    if (!this.#forgotten) this.#writer.frame(this.id, frameType.end);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const finished = this.#sentEnd && this.#gotEnd;
    if (!finished && !this.#forgotten) this.#writer.frame(this.id, frameType.reset);
    this.#forgotten = true;
    this.#writer.forget(this);
    const waiting = this.#unsentDone;
    this.#unsent = undefined;
    this.#unsentDone = undefined;
    this.#onDone();
    waiting?.(error ?? new Error('The stream was closed before everything was written.'));
    done(error);
  }

  /** The agent takes `credit` bytes more. @throws GuestProtocolError when it takes more than can be counted */
  addCredit(credit: number): void {
    this.#credit += credit;
    if (this.#credit > 0x7fff_ffff) throw new GuestProtocolError('The guest agent granted too much credit.');
    this.#flush();
  }

  /** @throws GuestProtocolError when the agent had no credit for it */
  takeData(payload: Buffer): void {
    if (this.destroyed || this.#lost) return;
    if (this.#gotEnd || payload.length > this.#window) {
      throw new GuestProtocolError('The guest agent sent data without credit or after the end.');
    }
    if (payload.length === 0) return;
    this.#window -= payload.length;
    this.received += payload.length;
    if (this.#meter) this.#meter.fromGuest += payload.length;
    this.#ungranted += payload.length;
    if (this.push(payload)) this.#grant();
  }

  takeEnd(): void {
    if (this.#gotEnd || this.destroyed || this.#lost) return;
    this.#gotEnd = true;
    this.push(null);
  }

  /** The agent ended the stream as a whole, in order: what is written from now on goes nowhere. */
  takeEndOfBoth(): void {
    this.#forgotten = true;
    this.takeEnd();
    this.#flush();
    this.end();
  }

  /**
   * The agent gave the stream up, or is gone itself. The stream is destroyed a moment later, so that whoever awaits
   * its opening sees that happen; where nobody listens for errors it just closes: a tenant must not end the daemon.
   */
  takeReset(error: Error): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#forgotten = true;
    setImmediate(() => this.destroy(this.listenerCount('error') > 0 ? error : undefined));
  }

  channelDrained(): void {
    this.#flush();
  }

  #send(chunk: Buffer, done: Done): void {
    this.#unsent = chunk;
    this.#unsentDone = done;
    this.#flush();
  }

  #flush(): void {
    while (this.#unsent) {
      if (this.#lost) return; // destroying it settles the write
      if (!this.#forgotten) {
        if (this.#credit === 0) return;
        if (this.#writer.full) {
          this.#writer.whenDrained(this);
          return;
        }
        const length = Math.min(this.#unsent.length, this.#credit, payloadMax);
        this.#writer.frames(this.id, frameType.data, this.#unsent.subarray(0, length));
        this.#credit -= length;
        if (this.#meter) this.#meter.toGuest += length;
        if (length < this.#unsent.length) {
          this.#unsent = this.#unsent.subarray(length);
          continue;
        }
      }
      const done = this.#unsentDone;
      this.#unsent = undefined;
      this.#unsentDone = undefined;
      done?.();
    }
  }

  #grant(): void {
    if (this.#ungranted < receiveWindow / 4 || this.#gotEnd || this.#forgotten) return;
    this.#writer.frame(this.id, frameType.credit, uint32(this.#ungranted));
    this.#window += this.#ungranted;
    this.#ungranted = 0;
  }
}

import type { Writable } from 'node:stream';
import { headerSize, marker, payloadMax, payloadsOf, writeHeader } from './protocol.ts';

/** Up to here a payload is copied behind its header; above, two writes in one system call are cheaper. */
const copyMax = 2_048;

/** Something that waits until the channel takes more bytes. */
export interface DrainWaiter {
  channelDrained(): void;
}

/** Puts frames into the channel and tells those who wait when it takes more. */
export class FrameWriter {
  readonly #channel: Writable;
  readonly #waiting = new Set<DrainWaiter>();

  constructor(channel: Writable) {
    this.#channel = channel;
    channel.on('drain', () => {
      for (const waiter of [...this.#waiting]) {
        if (this.full) return;
        this.#waiting.delete(waiter);
        waiter.channelDrained();
      }
    });
  }

  /** True while the channel holds more than it should; then ask {@link whenDrained} before more data. */
  get full(): boolean {
    return this.#channel.writableNeedDrain;
  }

  whenDrained(waiter: DrainWaiter): void {
    this.#waiting.add(waiter);
  }

  forget(waiter: DrainWaiter): void {
    this.#waiting.delete(waiter);
  }

  /** One frame. @throws RangeError when its payload is too long or would be taken for a new connection */
  frame(stream: number, type: number, payload?: Buffer): void {
    const length = payload?.length ?? 0;
    if (length > payloadMax) throw new RangeError(`A frame cannot hold ${length} bytes.`);
    if (length >= marker.length && payload!.includes(marker)) {
      throw new RangeError('A frame cannot hold the marker of the channel.');
    }
    this.#put(stream, type, payload, length);
  }

  /** As many frames as the bytes need. */
  frames(stream: number, type: number, bytes: Buffer): void {
    for (const payload of payloadsOf(bytes)) this.#put(stream, type, payload, payload.length);
  }

  #put(stream: number, type: number, payload: Buffer | undefined, length: number): void {
    if (!this.#channel.writable) return;
    if (length <= copyMax) {
      const frame = Buffer.allocUnsafe(headerSize + length);
      writeHeader(frame, stream, type, length);
      payload?.copy(frame, headerSize);
      this.#channel.write(frame);
      return;
    }
    const header = Buffer.allocUnsafe(headerSize);
    writeHeader(header, stream, type, length);
    this.#channel.cork();
    this.#channel.write(header);
    this.#channel.write(payload);
    this.#channel.uncork();
  }
}

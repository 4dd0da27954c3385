import { GuestProtocolError } from './errors.ts';
import { type Frame, headerSize, payloadMax } from './protocol.ts';

const nothing = Buffer.alloc(0);

/** Cuts a byte stream into frames. What it keeps is never longer than one frame. */
export class FrameParser {
  readonly #deliver: (frame: Frame) => void;
  #kept: Buffer = nothing;
  /** Bytes of `#kept` that are filled; it is a whole frame's room once the header is known. */
  #filled = 0;

  /** @param deliver gets payloads that may share memory with the chunk they came in. */
  constructor(deliver: (frame: Frame) => void) {
    this.#deliver = deliver;
  }

  /** @throws GuestProtocolError when a header announces more than a frame may hold */
  push(chunk: Buffer): void {
    let rest = this.#filled > 0 ? this.#complete(chunk) : chunk;
    while (rest.length >= headerSize) {
      const size = headerSize + lengthIn(rest);
      if (rest.length < size) break;
      this.#deliverFrom(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    if (rest.length > 0) this.#keep(rest);
  }

  /** Fills the frame begun earlier; returns what is left of the chunk behind it. */
  #complete(chunk: Buffer): Buffer {
    let rest = chunk;
    if (this.#filled < headerSize) {
      const taken = rest.copy(this.#kept, this.#filled, 0, headerSize - this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      if (this.#filled < headerSize) return nothing;
      this.#makeRoom(this.#kept);
    }
    const taken = rest.copy(this.#kept, this.#filled);
    this.#filled += taken;
    if (this.#filled === this.#kept.length) {
      const frame = this.#kept;
      this.#kept = nothing;
      this.#filled = 0;
      this.#deliverFrom(frame);
    }
    return rest.subarray(taken);
  }

  #keep(rest: Buffer): void {
    if (rest.length < headerSize) this.#kept = Buffer.alloc(headerSize);
    else this.#makeRoom(rest);
    this.#filled = rest.copy(this.#kept);
  }

  #makeRoom(header: Buffer): void {
    const room = Buffer.allocUnsafe(headerSize + lengthIn(header));
    header.copy(room, 0, 0, headerSize);
    this.#kept = room;
  }

  #deliverFrom(frame: Buffer): void {
    this.#deliver({ stream: frame.readUInt32LE(0), type: frame[4]!, payload: frame.subarray(headerSize) });
  }
}

function lengthIn(header: Buffer): number {
  const length = header.readUIntLE(5, 3);
  if (length > payloadMax)
    throw new GuestProtocolError(`The guest agent announced a frame of ${length} bytes.`);
  return length;
}

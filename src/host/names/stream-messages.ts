/** A message as it is sent on a stream: its length in two bytes, then itself. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Cuts a stream into messages. What it keeps is never longer than one message (64 KiB) and one chunk. */
export class MessageReader {
  readonly #deliver: (message: Buffer) => void;
  #kept = Buffer.alloc(0);

  constructor(deliver: (message: Buffer) => void) {
    this.#deliver = deliver;
  }

  push(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    while (this.#kept.length >= 2) {
      const end = 2 + this.#kept.readUInt16BE(0);
      if (this.#kept.length < end) return;
      const message = this.#kept.subarray(2, end);
      this.#kept = Buffer.from(this.#kept.subarray(end));
      this.#deliver(message);
    }
  }
}

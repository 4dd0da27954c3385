import type { Writable } from 'node:stream';
import type { Fields } from '../inbound.ts';
import { writeFields } from './fields.ts';

/** Up to here one copy is cheaper than another TLS record or another call of the system. */
const joinBytes = 16_384;
/** From here a piece of a body is written at once. */
const alone = 32_768;

/**
 * Writes one message after another to a stream: gathers head and pieces of one turn and hands them over in one
 * write, encoding chunks where the length is not known.
 */
export class MessageWriter {
  readonly #stream: Writable;
  #head = '';
  #pieces: Buffer[] = [];
  #bytes = 0;
  #tail = '';
  chunked = false;
  #corked = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  head(text: string): void {
    if (this.#pieces.length > 0 || this.#tail) this.flush();
    this.#head += text;
  }

  body(pieces: Buffer[]): void {
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
  }

  /** Ends a body of unknown length. */
  end(trailers: Fields): void {
    if (this.chunked) this.#tail = `0\r\n${writeFields(trailers)}\r\n`;
  }

  /** @returns false when the stream wants a pause until `drain`. */
  flush(): boolean {
    let before = this.#head;
    let after = this.#tail;
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    if (bytes === 0) {
      if (!before && !after) return true;
      this.#reset();
      return this.#stream.write(before + after, 'latin1');
    }
    if (this.chunked) {
      before += `${bytes.toString(16)}\r\n`;
      after = `\r\n${after}`;
    }
    this.#reset();
    if (!before && !after && pieces.length === 1) {
      return bytes < alone ? this.#writeLater(pieces[0]!) : this.#stream.write(pieces[0]!);
    }
    if (bytes <= joinBytes) {
      const joined = Buffer.allocUnsafe(before.length + bytes + after.length);
      let at = before.length > 0 ? joined.write(before, 'latin1') : 0;
      for (const piece of pieces) at += piece.copy(joined, at);
      if (after) joined.write(after, at, 'latin1');
      return this.#stream.write(joined);
    }
    this.#stream.cork();
    if (before) this.#stream.write(before, 'latin1');
    let more = true;
    for (const piece of pieces) more = this.#stream.write(piece);
    if (after) more = this.#stream.write(after, 'latin1');
    this.#stream.uncork();
    return more;
  }

  /** Pieces of a body that come in one turn (records of TLS, frames of HTTP/2) share a call of the system. */
  #writeLater(piece: Buffer): boolean {
    const stream = this.#stream;
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      setImmediate(this.#uncork);
    }
    const more = stream.write(piece);
    if (!more) this.#uncork();
    return more;
  }

  readonly #uncork = () => {
    if (!this.#corked) return;
    this.#corked = false;
    this.#stream.uncork();
  };

  #reset(): void {
    this.#head = '';
    this.#tail = '';
    this.#pieces = [];
    this.#bytes = 0;
  }
}

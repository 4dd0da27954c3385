import type { Fields } from '../inbound.ts';
import { allowedTrailers, readFields } from './fields.ts';

/** How a body ends: after so many bytes, with the last chunk, or with the connection. */
export type Framing = number | 'chunked' | 'close';

/** The other side does not keep to HTTP/1.1. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

const lineLimit = 512;
const trailerLimit = 8192;
const chunkSize = /^([0-9a-fA-F]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const emptyLine = 2;

type Phase = 'size' | 'data' | 'data end' | 'trailers' | 'done';

/** Takes the body of one message out of a byte stream, without its framing. */
export class BodyReader {
  /** What came after the last chunk. */
  trailers: Fields = [];
  readonly #framing: Framing;
  #phase: Phase;
  /** Bytes of the body or of the present chunk that are still to come. */
  #left: number;
  /** A line that has not ended yet. */
  #line = '';
  #trailerText = '';

  constructor(framing: Framing) {
    this.#framing = framing;
    this.#left = typeof framing === 'number' ? framing : 0;
    this.#phase = framing === 'chunked' ? 'size' : framing === 0 ? 'done' : 'data';
  }

  get done(): boolean {
    return this.#phase === 'done';
  }

  /**
   * Appends what belongs to the body to `pieces`.
   * @returns how many bytes of `chunk` were used; fewer than all only when the body is done.
   * @throws MalformedMessage
   */
  read(chunk: Buffer, pieces: Buffer[]): number {
    if (this.#phase === 'done') return 0;
    if (this.#framing === 'close') {
      pieces.push(chunk);
      return chunk.length;
    }
    let at = 0;
    while (at < chunk.length && !this.done) {
      if (this.#phase === 'data') at = this.#data(chunk, at, pieces);
      else at = this.#lineOf(chunk, at);
    }
    return at;
  }

  #data(chunk: Buffer, at: number, pieces: Buffer[]): number {
    const end = Math.min(chunk.length, at + this.#left);
    pieces.push(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) this.#phase = this.#framing === 'chunked' ? 'data end' : 'done';
    return end;
  }

  #lineOf(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(10, at);
    const end = newline < 0 ? chunk.length : newline + 1;
    if (this.#line.length + end - at > lineLimit + (this.#phase === 'trailers' ? trailerLimit : 0)) {
      throw new MalformedMessage('A line between chunks is too long.');
    }
    this.#line += chunk.toString('latin1', at, end);
    if (newline < 0) return end;
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r\n')) throw new MalformedMessage('A line does not end with CR LF.');
    this.#take(line);
    return end;
  }

  #take(line: string): void {
    if (this.#phase === 'data end') {
      if (line.length !== emptyLine) throw new MalformedMessage('A chunk is longer than it says.');
      this.#phase = 'size';
    } else if (this.#phase === 'size') {
      const size = chunkSize.exec(line.slice(0, -2))?.[1];
      if (size === undefined) throw new MalformedMessage('A chunk has no valid size.');
      this.#left = Number.parseInt(size, 16);
      this.#phase = this.#left === 0 ? 'trailers' : 'data';
    } else if (line.length !== emptyLine) {
      this.#trailerText += line;
      if (this.#trailerText.length > trailerLimit) throw new MalformedMessage('The trailers are too long.');
    } else {
      const trailers = readFields(this.#trailerText, 0, 100);
      if (!trailers) throw new MalformedMessage('The trailers are malformed.');
      this.trailers = allowedTrailers(trailers);
      this.#phase = 'done';
    }
  }
}

import { Duplex } from 'node:stream';
import type { TokenBucket } from './token-bucket.ts';

/** A stream whose bytes, both ways, pass no faster than a bucket allows; the rest is back-pressure. */
export class PacedStream extends Duplex {
  readonly #inner: Duplex;
  readonly #bucket: TokenBucket;
  #timers = new Set<NodeJS.Timeout>();

  constructor(inner: Duplex, bucket: TokenBucket) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#bucket = bucket;
    inner.on('data', (chunk: Buffer) => {
      const wait = bucket.spend(chunk.length);
      const wanted = this.push(chunk);
      if (wait > 0) {
        inner.pause();
        this.#after(wait, () => inner.resume());
      } else if (!wanted) {
        inner.pause();
      }
    });
    inner.on('end', () => this.push(null));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => {
      if (!inner.readableEnded || !inner.writableFinished) this.destroy();
    });
  }

  #after(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  override _read(): void {
    if (this.#timers.size === 0) this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const wait = this.#bucket.spend(chunk.length);
    const go = () => this.#inner.write(chunk, done);
    if (wait > 0) this.#after(wait, go);
    else go();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#inner.destroy();
    done(error);
  }
}

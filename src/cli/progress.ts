import type { WriteStream } from 'node:tty';

/** Lines, with a line of its own at the bottom that shows what goes on; only lines where there is no terminal. */
export class Progress {
  readonly #out: Pick<WriteStream, 'write'> & { isTTY?: boolean };
  readonly #since = Date.now();
  #shown = false;

  constructor(out: Pick<WriteStream, 'write'> & { isTTY?: boolean }) {
    this.#out = out;
  }

  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  status(text: string): void {
    if (!this.#out.isTTY) return;
    this.#clear();
    const seconds = Math.round((Date.now() - this.#since) / 1000);
    this.#out.write(`\x1b[2m${text} … ${seconds} s\x1b[0m`);
    this.#shown = true;
  }

  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#shown) this.#out.write('\r\x1b[2K');
    this.#shown = false;
  }
}

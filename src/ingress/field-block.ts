import type { Fields } from './inbound.ts';

/** Fields that are passed on; their text is made once, however many messages share them. */
export class FieldBlock {
  readonly list: Fields;
  #text: string | undefined;

  constructor(list: Fields) {
    this.list = list;
  }

  /** As HTTP/1.1 writes them, each with its line end. */
  get text(): string {
    if (this.#text === undefined) {
      const lines: string[] = [];
      for (let at = 0; at < this.list.length; at += 2)
        lines.push(this.list[at]!, ': ', this.list[at + 1]!, '\r\n');
      this.#text = lines.join('');
    }
    return this.#text;
  }
}

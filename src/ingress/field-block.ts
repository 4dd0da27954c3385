import type { Fields } from './inbound.ts';

/**
 * Fields that HTTP/2 forbids (RFC 9113 8.2.2) and whose meaning ends at each hop anyway; `host` is `:authority` there.
 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'host',
  'http2-settings',
]);

/** Fields that are passed on; their forms are made once, however many messages share them. */
export class FieldBlock {
  readonly list: Fields;
  #text: string | undefined;
  #http2: Fields | undefined;

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

  /** As HTTP/2 takes them: names in lower case, nothing that is forbidden there. */
  get http2(): Fields {
    this.#http2 ??= forHttp2(this.list);
    return this.#http2;
  }
}

/** Fields as HTTP/2 takes them. */
export function forHttp2(list: Fields): Fields {
  const fields: Fields = [];
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at]!.toLowerCase();
    if (!hopByHop.has(name)) fields.push(name, list[at + 1]!);
  }
  return fields;
}

import { invalidPattern } from './comparison.ts';

export interface Token {
  kind: 'symbol' | 'word' | 'quoted' | 'expression' | 'selector';
  text: string;
}

const TOKEN =
  /\s*(?:(&&|\|\||!=|<=|>=|[=<>(){}[\],])|"((?:[^"\\]|\\.)*)"|(%[^%]*%)|(\$(?:\.[\w-]+|\[\s*(?:\d+|\*|'[^']*'|"[^"]*")\s*\])+)|([^\s"=<>!&|(){}[\],]+))/y;

/** Cuts `{ … }` and `[ … ]` patterns. @throws `InvalidParameterException` */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.trimEnd().length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw invalidPattern(`'${text.slice(at).trim().slice(0, 20)}' cannot be read`);
    const [, symbol, quoted, expression, selector, word] = match;
    if (symbol !== undefined) found.push({ kind: 'symbol', text: symbol });
    else if (quoted !== undefined) found.push({ kind: 'quoted', text: quoted.replaceAll(/\\(.)/g, '$1') });
    else if (expression !== undefined) found.push({ kind: 'expression', text: expression });
    else if (selector !== undefined) found.push({ kind: 'selector', text: selector });
    else found.push({ kind: 'word', text: word ?? '' });
  }
  return found;
}

/** Walks over tokens. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  next(): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw invalidPattern('it ends too early');
    return token;
  }

  /** Takes the symbol if it comes next. */
  take(symbol: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'symbol' || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  /** @throws `InvalidParameterException` when another token comes next */
  expect(symbol: string): void {
    if (!this.take(symbol)) {
      throw invalidPattern(`'${symbol}' is expected before '${this.peek()?.text ?? 'the end'}'`);
    }
  }

  /** Takes the word if it comes next, in capitals or not. */
  takeWord(word: string): boolean {
    const token = this.peek();
    if (token?.kind !== 'word' || token.text.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  end(): void {
    const token = this.peek();
    if (token) throw invalidPattern(`'${token.text}' comes after its end`);
  }
}

/** `a || b && (c)`, in which `&&` binds more tightly. @param leaf reads what stands between */
export function booleanOf<T>(reader: TokenReader, leaf: () => (value: T) => boolean): (value: T) => boolean {
  const factor = (): ((value: T) => boolean) => {
    if (!reader.take('(')) return leaf();
    const inner = booleanOf(reader, leaf);
    reader.expect(')');
    return inner;
  };
  const term = (): ((value: T) => boolean) => {
    const all = [factor()];
    while (reader.take('&&')) all.push(factor());
    return (value) => all.every((each) => each(value));
  };
  const any = [term()];
  while (reader.take('||')) any.push(term());
  return (value) => any.some((each) => each(value));
}

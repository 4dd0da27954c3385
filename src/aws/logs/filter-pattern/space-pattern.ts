import { type Comparator, comparison, invalidPattern } from './comparison.ts';
import type { Matches } from './filter-pattern.ts';
import { booleanOf, TokenReader } from './tokens.ts';

const COMPARATORS = new Set(['=', '!=', '<', '<=', '>', '>=']);

type Field = '...' | ((word: string) => boolean);

/** `[ip, user, ..., status = 4*, bytes > 1000]`: a message with that many words, each as its place says. */
export function spacePattern(text: string): Matches {
  const reader = new TokenReader(text);
  reader.expect('[');
  const fields: Field[] = [];
  do fields.push(field(reader));
  while (reader.take(','));
  reader.expect(']');
  reader.end();
  const gap = fields.indexOf('...');
  if (gap !== fields.lastIndexOf('...')) throw invalidPattern('`...` stands in it once at most');
  const tests = fields.filter((each) => each !== '...');
  return (message) => {
    const words = wordsOf(message);
    if (gap < 0 ? words.length !== tests.length : words.length < tests.length) return false;
    const skipped = words.length - tests.length;
    return tests.every((fits, index) =>
      fits(words[gap >= 0 && index >= gap ? index + skipped : index] ?? ''),
    );
  };
}

function field(reader: TokenReader): Field {
  const first = reader.peek();
  if (first?.kind === 'word' && first.text === '...') {
    reader.next();
    return '...';
  }
  let name: string | undefined;
  return booleanOf<string>(reader, () => {
    const token = reader.next();
    if (token.kind === 'symbol') throw invalidPattern(`'${token.text}' is no name of a place`);
    name ??= token.text;
    if (token.text !== name)
      throw invalidPattern(`'${name}' is compared with something else, '${token.text}'`);
    const next = reader.peek();
    if (next?.kind !== 'symbol' || !COMPARATORS.has(next.text)) return () => true;
    reader.next();
    const { text, kind } = reader.next();
    return comparison(next.text as Comparator, text, kind === 'quoted');
  });
}

/** Words between blanks; `"…"` and `[…]` are one. */
function wordsOf(message: string): string[] {
  return [...message.matchAll(/"([^"]*)"|\[([^\]]*)\]|(\S+)/g)].map(
    ([, quoted, bracketed, bare]) => quoted ?? bracketed ?? bare ?? '',
  );
}

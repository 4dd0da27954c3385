import { type Comparator, comparison, invalidPattern } from './comparison.ts';
import type { Matches } from './filter-pattern.ts';
import { booleanOf, TokenReader } from './tokens.ts';

const COMPARATORS = new Set(['=', '!=', '<', '<=', '>', '>=']);

/** `{ ($.user = "ann") && ($.sizes[0] > 3 || $.gone NOT EXISTS) }` over messages that are JSON objects. */
export function jsonPattern(text: string): Matches {
  const reader = new TokenReader(text);
  reader.expect('{');
  const fits = booleanOf<unknown>(reader, () => condition(reader));
  reader.expect('}');
  reader.end();
  return (message) => {
    // CloudWatch finds the object behind a prefix too.
    const start = message.indexOf('{');
    if (start < 0) return false;
    let value: unknown;
    try {
      value = JSON.parse(message.slice(start));
    } catch {
      return false;
    }
    return fits(value);
  };
}

function condition(reader: TokenReader): (value: unknown) => boolean {
  const selector = reader.next();
  if (selector.kind !== 'selector') throw invalidPattern(`'${selector.text}' is no selector like $.name`);
  const select = selected(selector.text);
  if (reader.takeWord('IS')) {
    const negated = reader.takeWord('NOT');
    const word = reader.next().text.toUpperCase();
    const wanted = { NULL: null, TRUE: true, FALSE: false }[word];
    if (wanted === undefined) throw invalidPattern(`IS ${word} is not known`);
    return (value) => select(value).some((each) => each === wanted) !== negated;
  }
  if (reader.takeWord('NOT')) {
    if (!reader.takeWord('EXISTS')) throw invalidPattern('NOT is followed by EXISTS');
    return (value) => select(value).length === 0;
  }
  if (reader.takeWord('EXISTS')) return (value) => select(value).length > 0;
  const comparator = reader.next();
  if (comparator.kind !== 'symbol' || !COMPARATORS.has(comparator.text)) {
    throw invalidPattern(`'${comparator.text}' is no comparison`);
  }
  const { text, kind } = reader.next();
  const compare = comparison(comparator.text as Comparator, text, kind === 'quoted');
  return (value) =>
    select(value).some((each) => typeof each !== 'object' && each !== undefined && compare(String(each)));
}

/** Values at `$.a.b[0]`, `$['a b']`, `$.list[*].name`: none when there is no such place. */
function selected(selector: string): (value: unknown) => unknown[] {
  const steps = [...selector.matchAll(/\.([\w-]+)|\[\s*(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\s*\]/g)].map(
    ([, name, index, all, single, double]) =>
      all ? ('*' as const) : (name ?? single ?? double ?? Number(index)),
  );
  return (value) => {
    let found: unknown[] = [value];
    for (const step of steps) {
      found = found.flatMap((at) => {
        if (step === '*') return Array.isArray(at) ? at : [];
        if (typeof step === 'number') return Array.isArray(at) && step < at.length ? [at[step]] : [];
        const holds = typeof at === 'object' && at !== null && !Array.isArray(at) && Object.hasOwn(at, step);
        return holds ? [(at as Record<string, unknown>)[step]] : [];
      });
    }
    return found;
  };
}

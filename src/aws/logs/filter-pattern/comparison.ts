import { invalidParameter } from '../logs-errors.ts';

export type Comparator = '=' | '!=' | '<' | '<=' | '>' | '>=';

export const invalidPattern = (why: string) => invalidParameter(`Invalid filter pattern: ${why}.`);

/** The text between two `%`. @throws `InvalidParameterException` */
export function regularExpression(source: string): RegExp {
  // AWS takes a small part of the syntax, without groups; this keeps nested repetitions out.
  if (source.length > 200 || /\([^)]*[*+{][^)]*\)[*+{]/.test(source))
    throw invalidPattern('the expression is too complex');
  try {
    return new RegExp(source);
  } catch {
    throw invalidPattern(`%${source}% is no regular expression`);
  }
}

/** A text in which `*` stands for any text. */
export function wildcard(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/**
 * A test for one value.
 * @param given as written: a number, a text with `*`, or `%expression%`
 */
export function comparison(
  comparator: Comparator,
  given: string,
  quoted: boolean,
): (value: string) => boolean {
  if (comparator === '=' || comparator === '!=') {
    const same = equality(given, quoted);
    return comparator === '=' ? same : (value) => !same(value);
  }
  const limit = Number(given);
  if (given.trim() === '' || Number.isNaN(limit))
    throw invalidPattern(`${comparator} compares numbers, not '${given}'`);
  return (value) => {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    if (comparator === '<') return number < limit;
    if (comparator === '<=') return number <= limit;
    return comparator === '>' ? number > limit : number >= limit;
  };
}

function equality(given: string, quoted: boolean): (value: string) => boolean {
  if (!quoted && given.length > 2 && given.startsWith('%') && given.endsWith('%')) {
    const expression = regularExpression(given.slice(1, -1));
    return (value) => expression.test(value);
  }
  if (given.includes('*')) {
    const expression = wildcard(given);
    return (value) => expression.test(value);
  }
  const number = Number(given);
  if (!quoted && given !== '' && !Number.isNaN(number))
    return (value) => value !== '' && Number(value) === number;
  return (value) => value === given;
}

import { regularExpression } from './comparison.ts';
import type { Matches } from './filter-pattern.ts';

/**
 * All terms must occur; `-term`: must not; `?term`: at least one of these must, but beside other terms they are ignored;
 * quotes keep blanks; `%…%` is a regular expression.
 */
export function termPattern(text: string): Matches {
  const terms = [...text.matchAll(/([-?]?)(?:"((?:[^"\\]|\\.)*)"|(%[^%]+%)|(\S+))/g)].map(
    ([, sign, quoted, expression, bare]) => ({
      sign,
      fits: expression
        ? contains(regularExpression(expression.slice(1, -1)))
        : includes(quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? ''),
    }),
  );
  const of = (sign: string) => terms.filter((item) => item.sign === sign).map(({ fits }) => fits);
  const all = of('');
  const none = of('-');
  const any = all.length + none.length > 0 ? [] : of('?');
  return (message) =>
    all.every((fits) => fits(message)) &&
    (any.length === 0 || any.some((fits) => fits(message))) &&
    !none.some((fits) => fits(message));
}

const includes =
  (term: string): Matches =>
  (message) =>
    message.includes(term);
const contains =
  (expression: RegExp): Matches =>
  (message) =>
    expression.test(message);

import { invalidParameter } from './logs-errors.ts';

/**
 * Unstructured filter patterns of CloudWatch Logs: all terms must occur; `?term`: at least one of these must;
 * `-term`: must not; quotes keep blanks. JSON and space-delimited patterns are refused.
 */
export function filterPattern(pattern: string): (message: string) => boolean {
  const text = pattern.trim();
  if (text.startsWith('{') || text.startsWith('[')) {
    throw invalidParameter('squib knows filter patterns made of terms, not JSON or space-delimited ones.');
  }
  const terms = [...text.matchAll(/([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(([, sign, quoted, bare]) => ({
    sign,
    term: quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '',
  }));
  const of = (sign: string) => terms.filter((item) => item.sign === sign).map((item) => item.term);
  const all = of('');
  const any = of('?');
  const none = of('-');
  return (message) =>
    all.every((term) => message.includes(term)) &&
    (any.length === 0 || any.some((term) => message.includes(term))) &&
    !none.some((term) => message.includes(term));
}

import { unparseable } from '../protocol/wire-error.ts';

/** Percent-decoding, exactly once. Throws what AWS answers to text that cannot be decoded. */
export function decodeOnce(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw unparseable('malformed percent-encoding');
  }
}

/** Parameters in the order given; names and values decoded, `+` read as a space. */
export type QueryParameters = [name: string, value: string][];

/**
 * @param strict refuses a bare `=` inside a value, as `lambda-microvms` does with tokens that were not encoded
 *   (spec: control-plane 1, "Unparseable request")
 */
export function parseQuery(query: string, { strict = false } = {}): QueryParameters {
  if (query === '') return [];
  const parameters: QueryParameters = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? '' : pair.slice(at + 1);
    if (strict && value.includes('=')) throw unparseable('a query value holds an unencoded "="');
    parameters.push([decodeOnce(name.replaceAll('+', ' ')), decodeOnce(value.replaceAll('+', ' '))]);
  }
  return parameters;
}

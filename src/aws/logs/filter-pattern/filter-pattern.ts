import { jsonPattern } from './json-pattern.ts';
import { spacePattern } from './space-pattern.ts';
import { termPattern } from './term-pattern.ts';

/** Whether a log event's message fits. */
export type Matches = (message: string) => boolean;

/**
 * Filter patterns of CloudWatch Logs (AWS: "Filter pattern syntax"): terms, `{ … }` for JSON, `[ … ]` for messages
 * whose words have places.
 * @throws `InvalidParameterException`
 */
export function filterPattern(pattern: string): Matches {
  const text = pattern.trim();
  if (text.startsWith('{')) return jsonPattern(text);
  return text.startsWith('[') ? spacePattern(text) : termPattern(text);
}

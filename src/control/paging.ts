import type { PageRequest } from '../store/page.ts';
import { badPageToken } from './errors.ts';

/** The page size when a request names none, and the most that it may name (Decision C1: the cap is the default). */
const PAGE = 50;

/**
 * What to read for one page of `list`.
 * @param list name of the list and whatever else a token must not be carried over from.
 */
export function pageRequest(list: string, size: number | undefined, token: string | undefined): PageRequest {
  const limit = Math.min(size ?? PAGE, PAGE);
  if (token === undefined) return { limit };
  const [prefix, before] = split(Buffer.from(token, 'base64url').toString('utf8'));
  if (prefix !== list || !/^\d{1,15}$/.test(before)) throw badPageToken();
  return { limit, before: Number(before) };
}

/** The token that continues `list` after the row at `position`, or undefined on the last page. */
export function nextToken(list: string, more: boolean, position: number | undefined): string | undefined {
  if (!more || position === undefined) return undefined;
  return Buffer.from(`${list}\n${position}`).toString('base64url');
}

function split(text: string): [string, string] {
  const at = text.lastIndexOf('\n');
  return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
}

import { reservedTag, tooManyTags } from '../errors.ts';

/** Decision C29: AWS's general rules for tags. */
const mostTags = 50;

/** @throws ServiceError when there are too many tags or one of them has a reserved key. */
export function checkTags(tags: Record<string, string>): void {
  const keys = Object.keys(tags);
  if (keys.length > mostTags) throw tooManyTags(mostTags);
  const reserved = keys.find((key) => key.toLowerCase().startsWith('aws:'));
  if (reserved !== undefined) throw reservedTag(reserved);
}

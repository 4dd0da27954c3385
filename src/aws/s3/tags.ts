import { elements, textOf, type XmlNode, type XmlValue } from '../protocol/xml.ts';
import { s3Error } from './s3-error.ts';

/** Most tags of an object (S3). */
export const MOST_OBJECT_TAGS = 10;

/** Reads `<Tagging>`. @throws `InvalidTag` | `MalformedXML` */
export function readTags(document: XmlNode, most: number): Record<string, string> {
  const set = elements(document, 'TagSet')[0] ?? {};
  const pairs = elements(set, 'Tag').map(
    (tag) => [textOf(tag, 'Key') ?? '', textOf(tag, 'Value') ?? ''] as const,
  );
  return checked(pairs, most);
}

/** The header `x-amz-tagging`: a query. @throws `InvalidTag` */
export function tagsOfHeader(header: string | undefined): Record<string, string> | undefined {
  if (header === undefined) return undefined;
  return checked([...new URLSearchParams(header)], MOST_OBJECT_TAGS);
}

function checked(pairs: readonly (readonly [string, string])[], most: number): Record<string, string> {
  if (pairs.length > most) {
    throw s3Error('BadRequest', `Object tags cannot be greater than ${most}`);
  }
  const tags: Record<string, string> = {};
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128 || value.length > 256) {
      throw s3Error('InvalidTag', 'The TagKey or TagValue you have provided is invalid', { TagKey: key });
    }
    if (Object.hasOwn(tags, key)) {
      throw s3Error('InvalidTag', 'Cannot provide multiple Tags with the same key', { TagKey: key });
    }
    tags[key] = value;
  }
  return tags;
}

export function tagSet(tags: Readonly<Record<string, string>>): { [name: string]: XmlValue } {
  return { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } };
}

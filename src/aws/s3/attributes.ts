import type { ObjectAttributes, ObjectInfo } from '../../store/object-types.ts';
import type { Incoming } from '../http/incoming.ts';
import { s3Error } from './s3-error.ts';
import { tagsOfHeader } from './tags.ts';

/** Headers that S3 keeps with an object and gives back. */
const KEPT = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
];
/** All user metadata together, in bytes (S3: 2 KiB). */
const MOST_METADATA = 2048;
const DEFAULT_TYPE = 'binary/octet-stream';

/** What the headers of a request say about the object that it makes. */
export function readAttributes(request: Incoming): ObjectAttributes {
  const headers: Record<string, string> = {};
  for (const name of KEPT) {
    let value = request.header(name);
    if (name === 'content-encoding') {
      // `aws-chunked` is how the body travels, not how the object is encoded.
      value = value
        ?.split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '' && part !== 'aws-chunked')
        .join(',');
    }
    if (value) headers[name] = value;
  }
  const metadata: [string, string][] = [];
  let size = 0;
  for (const header of request.headerNames) {
    if (!header.startsWith('x-amz-meta-')) continue;
    const name = header.slice('x-amz-meta-'.length);
    const value = request.header(header)!;
    size += name.length + value.length;
    metadata.push([name, value]);
  }
  if (size > MOST_METADATA) {
    throw s3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  }
  const tags = tagsOfHeader(request.header('x-amz-tagging'));
  return { headers, metadata: Object.fromEntries(metadata), ...(tags && { tags }) };
}

/** `x-amz-checksum-…` of an object, for answers about all of it. */
export function checksumHeaders({ attributes: { checksum } }: ObjectInfo): Record<string, string> {
  if (!checksum) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  };
}

/** Headers of GetObject and HeadObject, without length and range. */
export function objectHeaders(info: ObjectInfo, query: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': DEFAULT_TYPE,
    ...info.attributes.headers,
    etag: `"${info.etag}"`,
    'last-modified': new Date(info.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
  };
  const tags = Object.keys(info.attributes.tags ?? {}).length;
  if (tags > 0) headers['x-amz-tagging-count'] = String(tags);
  for (const [name, value] of Object.entries(info.attributes.metadata)) headers[`x-amz-meta-${name}`] = value;
  for (const name of KEPT) {
    const override = query.get(`response-${name}`);
    if (override === undefined) continue;
    // Decoded from a query it may hold what no header may.
    if (/[^\t\x20-\x7e\x80-\xff]/.test(override)) {
      throw s3Error('InvalidArgument', `response-${name} is not a valid header value`);
    }
    headers[name] = override;
  }
  return headers;
}

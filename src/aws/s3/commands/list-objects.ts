import type { ListResult } from '../../../store/object-types.ts';
import type { XmlValue } from '../../protocol/xml.ts';
import { encodeStrictly } from '../../sigv4/canonical.ts';
import { s3Error } from '../s3-error.ts';
import { isoTime, type S3Command, type S3Request, xmlAnswer } from '../s3-request.ts';

/** Largest page, whatever the client asks for. */
const LARGEST_PAGE = 1000;

export function pageSize(query: ReadonlyMap<string, string>, name: string): number {
  const text = query.get(name);
  if (text === undefined || text === '') return LARGEST_PAGE;
  if (!/^\d{1,10}$/.test(text)) {
    throw s3Error('InvalidArgument', `Provided ${name} not an integer or within integer range`, {
      ArgumentName: name,
      ArgumentValue: text,
    });
  }
  return Math.min(Number(text), LARGEST_PAGE);
}

/** `encoding-type=url`: for keys with characters that XML cannot carry. */
function encoder({ query }: S3Request): (text: string) => string {
  const type = query.get('encoding-type');
  if (type !== undefined && type !== 'url') {
    throw s3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  }
  return type === 'url' ? (text) => encodeStrictly(text).replaceAll('%2F', '/') : (text) => text;
}

function contents(result: ListResult, encode: (text: string) => string, owner?: string): XmlValue[] {
  return result.objects.map(({ key, modifiedAt, etag, size, attributes }) => ({
    Key: encode(key),
    LastModified: isoTime(modifiedAt),
    ETag: `"${etag}"`,
    ChecksumAlgorithm: attributes.checksum?.algorithm,
    ChecksumType: attributes.checksum?.type,
    Size: size,
    Owner: owner === undefined ? undefined : { ID: owner, DisplayName: owner },
    StorageClass: 'STANDARD',
  }));
}

function commonPrefixes(result: ListResult, encode: (text: string) => string): XmlValue[] {
  return result.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) }));
}

export const listObjectsV2: S3Command = (request) => {
  const { query, store, bucket, caller } = request;
  const encode = encoder(request);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const limit = pageSize(query, 'max-keys');
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  if (token === '') throw s3Error('InvalidArgument', 'The continuation token provided is incorrect');
  const after = token === undefined ? (startAfter ?? '') : Buffer.from(token, 'base64url').toString();
  const result = store.listObjects(bucket, { prefix, delimiter, after, limit });
  return xmlAnswer('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: limit,
    EncodingType: query.get('encoding-type'),
    KeyCount: result.objects.length + result.commonPrefixes.length,
    IsTruncated: result.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken:
      result.next === undefined ? undefined : Buffer.from(result.next).toString('base64url'),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    Contents: contents(result, encode, query.get('fetch-owner') === 'true' ? caller.accountId : undefined),
    CommonPrefixes: commonPrefixes(result, encode),
  });
};

export const listObjectsV1: S3Command = (request) => {
  const { query, store, bucket, caller } = request;
  const encode = encoder(request);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const marker = query.get('marker') ?? '';
  const limit = pageSize(query, 'max-keys');
  const result = store.listObjects(bucket, { prefix, delimiter, after: marker, limit });
  return xmlAnswer('ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    Marker: encode(marker),
    NextMarker: result.next === undefined || delimiter === '' ? undefined : encode(result.next),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: limit,
    EncodingType: query.get('encoding-type'),
    IsTruncated: result.next !== undefined,
    Contents: contents(result, encode, caller.accountId),
    CommonPrefixes: commonPrefixes(result, encode),
  });
};

/** Every object has one version, called `null`, as in a bucket that never had versioning. */
export const listObjectVersions: S3Command = (request) => {
  const { query, store, bucket, caller } = request;
  const encode = encoder(request);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const marker = query.get('key-marker') ?? '';
  const limit = pageSize(query, 'max-keys');
  const result = store.listObjects(bucket, { prefix, delimiter, after: marker, limit });
  return xmlAnswer('ListVersionsResult', {
    Name: bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(marker),
    VersionIdMarker: query.get('version-id-marker') ?? '',
    NextKeyMarker: result.next === undefined ? undefined : encode(result.next),
    NextVersionIdMarker: result.next === undefined ? undefined : 'null',
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: limit,
    EncodingType: query.get('encoding-type'),
    IsTruncated: result.next !== undefined,
    Version: contents(result, encode, caller.accountId).map((object) => ({
      ...(object as { [name: string]: XmlValue }),
      ...{ VersionId: 'null', IsLatest: true },
    })),
    CommonPrefixes: commonPrefixes(result, encode),
  });
};

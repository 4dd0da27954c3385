import type { ObjectInfo } from '../../../store/object-types.ts';
import type { Answer } from '../../http/answer.ts';
import { checksumHeaders, objectHeaders } from '../attributes.ts';
import { checkRead } from '../conditions.ts';
import { type ByteRange, parseRange } from '../range.ts';
import { s3Error } from '../s3-error.ts';
import type { S3Command, S3Request } from '../s3-request.ts';

/** The bytes of one part of a multipart upload; part 1 of other objects is all of them. */
function partRange(info: ObjectInfo, partNumber: string): ByteRange | undefined {
  const sizes = info.partSizes ?? [info.size];
  const number = Number(partNumber);
  if (!/^\d{1,5}$/.test(partNumber) || number < 1 || number > sizes.length) {
    throw s3Error('InvalidArgument', 'The requested partnumber is not satisfiable');
  }
  const start = sizes.slice(0, number - 1).reduce((sum, size) => sum + size, 0);
  const end = start + sizes[number - 1]! - 1;
  return end < start ? undefined : { start, end };
}

/** Status, headers and range that GET and HEAD have in common. */
function describe(request: S3Request, info: ObjectInfo): Answer & { range?: ByteRange } {
  const { incoming, query } = request;
  const headers = objectHeaders(info, query);
  if (checkRead(incoming, info) === 'notModified') {
    const { etag, 'last-modified': modified } = headers;
    return { status: 304, headers: { etag: etag!, 'last-modified': modified! } };
  }
  const partNumber = query.get('partNumber');
  const range =
    partNumber === undefined ? parseRange(incoming.header('range'), info.size) : partRange(info, partNumber);
  if (partNumber !== undefined && info.partSizes)
    headers['x-amz-mp-parts-count'] = String(info.partSizes.length);
  if (range) {
    headers['content-range'] = `bytes ${range.start}-${range.end}/${info.size}`;
    headers['content-length'] = String(range.end - range.start + 1);
    return { status: 206, headers, range };
  }
  headers['content-length'] = String(info.size);
  // A client checks what it reads against these, so they go only with the whole object.
  if (incoming.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    Object.assign(headers, checksumHeaders(info));
  }
  return { status: 200, headers };
}

export const headObject: S3Command = (request) => {
  const { range: _, ...answer } = describe(request, request.store.headObject(request.bucket, request.key));
  return answer;
};

export const getObject: S3Command = (request) => {
  const object = request.store.openObject(request.bucket, request.key);
  try {
    const { range, ...answer } = describe(request, object.info);
    if (answer.status === 304) {
      object.close();
      return answer;
    }
    return { ...answer, body: object.stream(range) };
  } catch (error) {
    object.close();
    throw error;
  }
};

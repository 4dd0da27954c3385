import type { OpenObject } from '../../../store/object-types.ts';
import { checksumHeaders, readAttributes } from '../attributes.ts';
import { checkRead, writeCondition } from '../conditions.ts';
import { s3Error } from '../s3-error.ts';
import { isoTime, type S3Command, type S3Request, xmlAnswer } from '../s3-request.ts';

/** The object that `x-amz-copy-source` names; undefined when there is no such header. */
export function copySource({
  incoming,
}: Pick<S3Request, 'incoming'>): { bucket: string; key: string } | undefined {
  if (incoming.header('x-amz-copy-source') === undefined) return undefined;
  const header = incoming.header('x-amz-copy-source') ?? '';
  let source: string;
  try {
    source = decodeURIComponent(header.split('?', 1)[0]!.replaceAll('+', ' ')).replace(/^\//, '');
  } catch {
    throw s3Error('InvalidArgument', 'Invalid copy source encoding.');
  }
  if (header.includes('?versionId=') && !header.endsWith('?versionId=null')) {
    throw s3Error(
      'NotImplemented',
      'Copying a version of an object (versionId) is not implemented by squib.',
    );
  }
  const at = source.indexOf('/');
  if (at <= 0 || at === source.length - 1) {
    throw s3Error('InvalidArgument', 'Invalid copy source object key');
  }
  return { bucket: source.slice(0, at), key: source.slice(at + 1) };
}

/** Opens what `x-amz-copy-source` names, if its conditions hold. The caller reads or closes it. */
export function openCopySource(request: S3Request): OpenObject {
  const { incoming, store } = request;
  const source = copySource(request);
  if (source === undefined) throw s3Error('InvalidArgument', 'Invalid copy source object key');
  const object = store.openObject(source.bucket, source.key);
  try {
    if (checkRead(incoming, object.info, 'x-amz-copy-source-') === 'notModified') {
      throw s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
    }
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

export const copyObject: S3Command = async (request) => {
  const { incoming, store, bucket, key } = request;
  const directive = incoming.header('x-amz-metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw s3Error('InvalidArgument', 'Unknown metadata directive.');
  }
  store.bucket(bucket);
  const source = openCopySource(request);
  const { attributes } = source.info;
  if (directive === 'COPY' && source.info.bucket === bucket && source.info.key === key) {
    source.close();
    throw s3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const checksum = attributes.checksum?.type === 'FULL_OBJECT' ? attributes.checksum : undefined;
  const given = readAttributes(incoming);
  const { headers, metadata } = directive === 'COPY' ? attributes : given;
  const replaceTags = incoming.header('x-amz-tagging-directive') === 'REPLACE';
  const tags = replaceTags ? given.tags : attributes.tags;
  const condition = writeCondition(incoming);
  const info = await store.putObject(bucket, key, source.stream(), {
    describe: () => ({ headers, metadata, ...(tags && { tags }), ...(checksum && { checksum }) }),
    ...(condition && { condition }),
  });
  const [checksumName, checksumValue] = Object.entries(checksumHeaders(info))[0] ?? [];
  return xmlAnswer('CopyObjectResult', {
    LastModified: isoTime(info.modifiedAt),
    ETag: `"${info.etag}"`,
    ...(checksumName && {
      [`Checksum${checksumName.slice('x-amz-checksum-'.length).toUpperCase()}`]: checksumValue,
    }),
  });
};

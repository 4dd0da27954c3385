import { s3Error } from '../s3-error.ts';
import { type S3Command, xmlAnswer } from '../s3-request.ts';

/** GetObjectAttributes: only what the header names. */
export const getObjectAttributes: S3Command = ({ store, bucket, key, incoming }) => {
  const wanted = new Set(
    (incoming.header('x-amz-object-attributes') ?? '').split(',').map((each) => each.trim()),
  );
  if (wanted.has('')) {
    throw s3Error(
      'InvalidRequest',
      'The x-amz-object-attributes header specifying the attributes is missing',
    );
  }
  const { etag, size, attributes, partSizes, modifiedAt } = store.headObject(bucket, key);
  const { checksum } = attributes;
  const answer = xmlAnswer('GetObjectAttributesResponse', {
    ...(wanted.has('ETag') && { ETag: etag }),
    ...(wanted.has('Checksum') &&
      checksum && {
        Checksum: { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type },
      }),
    ...(wanted.has('ObjectParts') && partSizes && { ObjectParts: { TotalPartsCount: partSizes.length } }),
    ...(wanted.has('StorageClass') && { StorageClass: 'STANDARD' }),
    ...(wanted.has('ObjectSize') && { ObjectSize: size }),
  });
  return { ...answer, headers: { ...answer.headers, 'last-modified': new Date(modifiedAt).toUTCString() } };
};

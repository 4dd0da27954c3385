import { textOf } from '../../protocol/xml.ts';
import { s3Error } from '../s3-error.ts';
import { isoTime, type S3Command, xmlAnswer } from '../s3-request.ts';
import { isBucketName } from '../target.ts';

export const createBucket: S3Command = async ({ bucket, store, caller, incoming, xml }) => {
  if (!isBucketName(bucket)) {
    throw s3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: bucket });
  }
  const hasBody = Number(incoming.header('content-length') ?? 0) > 0 || incoming.header('transfer-encoding');
  const constraint = hasBody
    ? textOf(await xml('CreateBucketConfiguration'), 'LocationConstraint')
    : undefined;
  store.createBucket(bucket, constraint || caller.region);
  return { status: 200, headers: { location: `/${bucket}` } };
};

export const headBucket: S3Command = ({ bucket, store }) => {
  return { status: 200, headers: { 'x-amz-bucket-region': store.bucket(bucket).region } };
};

export const deleteBucket: S3Command = async ({ bucket, store }) => {
  await store.deleteBucket(bucket);
  return { status: 204 };
};

export const getBucketLocation: S3Command = ({ bucket, store }) => {
  const { region } = store.bucket(bucket);
  // The first region has an empty constraint, for historical reasons of AWS's.
  return xmlAnswer('LocationConstraint', { '#text': region === 'us-east-1' ? '' : region });
};

export const listBuckets: S3Command = ({ store, caller, query }) => {
  const prefix = query.get('prefix') ?? '';
  const buckets = store.buckets().filter(({ name }) => name.startsWith(prefix));
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: { ID: caller.accountId, DisplayName: caller.accountId },
    Buckets: {
      Bucket: buckets.map(({ name, createdAt, region }) => ({
        Name: name,
        CreationDate: isoTime(createdAt),
        BucketRegion: region,
      })),
    },
  });
};

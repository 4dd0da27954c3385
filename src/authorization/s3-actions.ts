import type { Access } from './access.ts';
import type { ContextEntries } from './policy/request-context.ts';

/** What the S3 front door knows about a request before it acts. */
export interface S3Request {
  bucket?: string;
  key?: string;
  /** Object that a copy reads. */
  source?: { bucket: string; key: string };
  /** Keys of DeleteObjects: each is its own access, in this order, so that each can be refused alone. */
  keys?: readonly string[];
  /** Parameters of the listing operations. */
  prefix?: string;
  delimiter?: string;
  maxKeys?: number;
}

export type S3AccessRule = (request: S3Request) => Access[];

const bucketArn = ({ bucket = '' }: S3Request) => `arn:aws:s3:::${bucket}`;
const objectArn = (bucket = '', key = '') => `arn:aws:s3:::${bucket}/${key}`;

const onBucket =
  (action: string): S3AccessRule =>
  (request) => [{ action: `s3:${action}`, resource: bucketArn(request) }];

const onObject =
  (action: string): S3AccessRule =>
  ({ bucket, key }) => [{ action: `s3:${action}`, resource: objectArn(bucket, key) }];

const onListing =
  (action: string): S3AccessRule =>
  (request) => {
    const context: ContextEntries = {
      's3:prefix': request.prefix,
      's3:delimiter': request.delimiter,
      's3:max-keys': request.maxKeys,
    };
    return [{ action: `s3:${action}`, resource: bucketArn(request), context }];
  };

const copy: S3AccessRule = ({ bucket, key, source }) => [
  { action: 's3:PutObject', resource: objectArn(bucket, key) },
  { action: 's3:GetObject', resource: objectArn(source?.bucket, source?.key) },
];

/** Which permissions each operation of S3 needs, by the names of the S3 API. */
export const s3Actions = {
  ListBuckets: () => [{ action: 's3:ListAllMyBuckets', resource: '*' }],
  CreateBucket: onBucket('CreateBucket'),
  DeleteBucket: onBucket('DeleteBucket'),
  HeadBucket: onBucket('ListBucket'),
  GetBucketLocation: onBucket('GetBucketLocation'),
  GetBucketVersioning: onBucket('GetBucketVersioning'),
  PutBucketVersioning: onBucket('PutBucketVersioning'),
  GetBucketTagging: onBucket('GetBucketTagging'),
  PutBucketTagging: onBucket('PutBucketTagging'),
  DeleteBucketTagging: onBucket('PutBucketTagging'),
  GetBucketAcl: onBucket('GetBucketAcl'),
  GetBucketPolicy: onBucket('GetBucketPolicy'),
  PutBucketPolicy: onBucket('PutBucketPolicy'),
  DeleteBucketPolicy: onBucket('DeleteBucketPolicy'),
  GetBucketEncryption: onBucket('GetEncryptionConfiguration'),
  PutBucketEncryption: onBucket('PutEncryptionConfiguration'),
  GetPublicAccessBlock: onBucket('GetBucketPublicAccessBlock'),
  PutPublicAccessBlock: onBucket('PutBucketPublicAccessBlock'),
  ListMultipartUploads: onBucket('ListBucketMultipartUploads'),
  ListObjects: onListing('ListBucket'),
  ListObjectsV2: onListing('ListBucket'),
  ListObjectVersions: onListing('ListBucketVersions'),
  GetObject: onObject('GetObject'),
  HeadObject: onObject('GetObject'),
  GetObjectAttributes: ({ bucket, key }) => [
    { action: 's3:GetObject', resource: objectArn(bucket, key) },
    { action: 's3:GetObjectAttributes', resource: objectArn(bucket, key) },
  ],
  GetObjectTagging: onObject('GetObjectTagging'),
  PutObjectTagging: onObject('PutObjectTagging'),
  DeleteObjectTagging: onObject('DeleteObjectTagging'),
  GetObjectAcl: onObject('GetObjectAcl'),
  PutObject: onObject('PutObject'),
  CopyObject: copy,
  DeleteObject: onObject('DeleteObject'),
  DeleteObjects: ({ bucket, keys = [] }) =>
    keys.map((key) => ({ action: 's3:DeleteObject', resource: objectArn(bucket, key) })),
  CreateMultipartUpload: onObject('PutObject'),
  UploadPart: onObject('PutObject'),
  UploadPartCopy: copy,
  CompleteMultipartUpload: onObject('PutObject'),
  AbortMultipartUpload: onObject('AbortMultipartUpload'),
  ListParts: onObject('ListMultipartUploadParts'),
} satisfies Record<string, S3AccessRule>;

export type S3OperationName = keyof typeof s3Actions;

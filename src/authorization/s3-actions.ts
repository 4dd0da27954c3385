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

/** Settings of buckets by operation; a deletion needs the permission of `Put…`, but that of a policy or website. */
const SETTINGS: Readonly<Record<string, string>> = {
  BucketAccelerateConfiguration: 'AccelerateConfiguration',
  BucketAcl: 'BucketAcl',
  BucketCors: 'BucketCORS',
  BucketEncryption: 'EncryptionConfiguration',
  BucketLifecycleConfiguration: 'LifecycleConfiguration',
  BucketLogging: 'BucketLogging',
  BucketNotificationConfiguration: 'BucketNotification',
  BucketOwnershipControls: 'BucketOwnershipControls',
  BucketPolicy: 'BucketPolicy',
  BucketRequestPayment: 'BucketRequestPayment',
  BucketTagging: 'BucketTagging',
  BucketVersioning: 'BucketVersioning',
  BucketWebsite: 'BucketWebsite',
  PublicAccessBlock: 'BucketPublicAccessBlock',
};
const DELETED_BY_NAME = new Set(['BucketPolicy', 'BucketWebsite']);

const settingRules = Object.entries(SETTINGS).flatMap(([operation, permission]): [string, S3AccessRule][] => [
  [`Get${operation}`, onBucket(`Get${permission}`)],
  [`Put${operation}`, onBucket(`Put${permission}`)],
  [`Delete${operation}`, onBucket(`${DELETED_BY_NAME.has(operation) ? 'Delete' : 'Put'}${permission}`)],
]);

/** Which permissions each operation of squib's S3 needs, by the names of the S3 API. */
export const s3Actions: Readonly<Record<string, S3AccessRule>> = {
  ListBuckets: () => [{ action: 's3:ListAllMyBuckets', resource: '*' }],
  CreateBucket: onBucket('CreateBucket'),
  DeleteBucket: onBucket('DeleteBucket'),
  HeadBucket: onBucket('ListBucket'),
  GetBucketLocation: onBucket('GetBucketLocation'),
  ListMultipartUploads: onBucket('ListBucketMultipartUploads'),
  ListObjects: onListing('ListBucket'),
  ListObjectsV2: onListing('ListBucket'),
  ...Object.fromEntries(settingRules),
  GetBucketPolicyStatus: onBucket('GetBucketPolicyStatus'),
  GetBucketReplication: onBucket('GetReplicationConfiguration'),
  GetObjectLockConfiguration: onBucket('GetBucketObjectLockConfiguration'),
  ListObjectVersions: onListing('ListBucketVersions'),
  GetObjectTagging: onObject('GetObjectTagging'),
  PutObjectTagging: onObject('PutObjectTagging'),
  DeleteObjectTagging: onObject('DeleteObjectTagging'),
  GetObjectAttributes: onObject('GetObject'),
  GetObjectAcl: onObject('GetObjectAcl'),
  PutObjectAcl: onObject('PutObjectAcl'),
  GetObject: onObject('GetObject'),
  HeadObject: onObject('GetObject'),
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
};

/** @throws TypeError when the operation has no rule: it must not be served then */
export function s3Accesses(operation: string, request: S3Request): Access[] {
  const rule = Object.hasOwn(s3Actions, operation) ? s3Actions[operation] : undefined;
  if (rule === undefined) throw new TypeError(`There is no rule of authorization for S3's ${operation}.`);
  return rule(request);
}

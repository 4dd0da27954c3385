import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from './commands/buckets.ts';
import { copyObject } from './commands/copy-object.ts';
import { deleteObject, deleteObjects } from './commands/delete-objects.ts';
import { getObject, headObject } from './commands/get-object.ts';
import { listObjectsV1, listObjectsV2 } from './commands/list-objects.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
  uploadPartCopy,
} from './commands/multipart.ts';
import { putObject } from './commands/put-object.ts';
import { s3Error } from './s3-error.ts';
import type { S3Command, S3Request } from './s3-request.ts';

interface Route {
  name: string;
  method: string;
  level: 'service' | 'bucket' | 'object';
  /** Parameters that must be there (with this value, where one is given). */
  query?: Record<string, string | undefined>;
  /** A header that must be there. */
  header?: string;
  command: S3Command;
}

/** The first that fits wins, so those with more conditions come first. */
const ROUTES: readonly Route[] = [
  { name: 'ListBuckets', method: 'GET', level: 'service', command: listBuckets },
  {
    name: 'GetBucketLocation',
    method: 'GET',
    level: 'bucket',
    query: { location: undefined },
    command: getBucketLocation,
  },
  {
    name: 'ListMultipartUploads',
    method: 'GET',
    level: 'bucket',
    query: { uploads: undefined },
    command: listMultipartUploads,
  },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    level: 'bucket',
    query: { 'list-type': '2' },
    command: listObjectsV2,
  },
  { name: 'ListObjects', method: 'GET', level: 'bucket', command: listObjectsV1 },
  {
    name: 'DeleteObjects',
    method: 'POST',
    level: 'bucket',
    query: { delete: undefined },
    command: deleteObjects,
  },
  { name: 'CreateBucket', method: 'PUT', level: 'bucket', command: createBucket },
  { name: 'HeadBucket', method: 'HEAD', level: 'bucket', command: headBucket },
  { name: 'DeleteBucket', method: 'DELETE', level: 'bucket', command: deleteBucket },
  { name: 'ListParts', method: 'GET', level: 'object', query: { uploadId: undefined }, command: listParts },
  { name: 'GetObject', method: 'GET', level: 'object', command: getObject },
  { name: 'HeadObject', method: 'HEAD', level: 'object', command: headObject },
  {
    name: 'UploadPartCopy',
    method: 'PUT',
    level: 'object',
    query: { uploadId: undefined, partNumber: undefined },
    header: 'x-amz-copy-source',
    command: uploadPartCopy,
  },
  {
    name: 'UploadPart',
    method: 'PUT',
    level: 'object',
    query: { uploadId: undefined, partNumber: undefined },
    command: uploadPart,
  },
  { name: 'CopyObject', method: 'PUT', level: 'object', header: 'x-amz-copy-source', command: copyObject },
  { name: 'PutObject', method: 'PUT', level: 'object', command: putObject },
  {
    name: 'CreateMultipartUpload',
    method: 'POST',
    level: 'object',
    query: { uploads: undefined },
    command: createMultipartUpload,
  },
  {
    name: 'CompleteMultipartUpload',
    method: 'POST',
    level: 'object',
    query: { uploadId: undefined },
    command: completeMultipartUpload,
  },
  {
    name: 'AbortMultipartUpload',
    method: 'DELETE',
    level: 'object',
    query: { uploadId: undefined },
    command: abortMultipartUpload,
  },
  { name: 'DeleteObject', method: 'DELETE', level: 'object', command: deleteObject },
];

/** Parts of S3 that squib does not have; a request for one of them must not be taken for a plain one. */
const MISSING = new Set([
  'abac',
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versionId',
  'versioning',
  'versions',
  'website',
]);

type Target = Pick<S3Request, 'bucket' | 'key' | 'query' | 'incoming'>;

/** @throws `NotImplemented` naming what is missing, or `MethodNotAllowed` */
export function findRoute({ bucket, key, query, incoming }: Target): { name: string; command: S3Command } {
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const { method } = incoming;
  const missing = [...query.keys()].find((name) => MISSING.has(name));
  if (missing !== undefined && !(missing === 'versionId' && query.get(missing) === 'null')) {
    throw s3Error(
      'NotImplemented',
      `A parameter you provided implies functionality that is not implemented: squib's S3 has no ?${missing} (${method} of a ${level}).`,
    );
  }
  const route = ROUTES.find(
    (candidate) =>
      candidate.method === method &&
      candidate.level === level &&
      (candidate.header === undefined || incoming.header(candidate.header) !== undefined) &&
      Object.entries(candidate.query ?? {}).every(
        ([name, value]) => query.has(name) && (value === undefined || query.get(name) === value),
      ),
  );
  if (!route) {
    throw s3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
      Method: method,
      ResourceType: level.toUpperCase(),
    });
  }
  return route;
}

import {
  BUCKET_SETTINGS,
  deleteSetting,
  getAcl,
  getBucketPolicyStatus,
  getObjectLock,
  getReplication,
  getSetting,
  putAcl,
  putSetting,
} from './commands/bucket-settings.ts';
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
import { listObjectsV1, listObjectsV2, listObjectVersions } from './commands/list-objects.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
  uploadPartCopy,
} from './commands/multipart.ts';
import { getObjectAttributes } from './commands/object-attributes.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './commands/object-tags.ts';
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

const settingRoutes = BUCKET_SETTINGS.flatMap((setting): Route[] => {
  const at = { level: 'bucket' as const, query: { [setting.query]: undefined } };
  const { operation } = setting;
  return [
    { name: `Get${operation}`, method: 'GET', ...at, command: getSetting(setting) },
    { name: `Put${operation}`, method: 'PUT', ...at, command: putSetting(setting) },
    ...(setting.deletable
      ? [{ name: `Delete${operation}`, method: 'DELETE', ...at, command: deleteSetting(setting) }]
      : []),
  ];
});

const sub = (
  name: string,
  method: string,
  level: Route['level'],
  query: string,
  command: S3Command,
): Route => ({
  ...{ name, method, level, query: { [query]: undefined }, command },
});

/** The first that fits wins, so those with more conditions come first. */
const ROUTES: readonly Route[] = [
  ...settingRoutes,
  sub('GetBucketPolicyStatus', 'GET', 'bucket', 'policyStatus', getBucketPolicyStatus),
  sub('GetBucketReplication', 'GET', 'bucket', 'replication', getReplication),
  sub('GetObjectLockConfiguration', 'GET', 'bucket', 'object-lock', getObjectLock),
  sub('GetBucketAcl', 'GET', 'bucket', 'acl', getAcl),
  sub('PutBucketAcl', 'PUT', 'bucket', 'acl', putAcl),
  sub('ListObjectVersions', 'GET', 'bucket', 'versions', listObjectVersions),
  sub('GetObjectTagging', 'GET', 'object', 'tagging', getObjectTagging),
  sub('PutObjectTagging', 'PUT', 'object', 'tagging', putObjectTagging),
  sub('DeleteObjectTagging', 'DELETE', 'object', 'tagging', deleteObjectTagging),
  sub('GetObjectAttributes', 'GET', 'object', 'attributes', getObjectAttributes),
  sub('GetObjectAcl', 'GET', 'object', 'acl', getAcl),
  sub('PutObjectAcl', 'PUT', 'object', 'acl', putAcl),
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

/** Parameters that make another operation of a request: one that has no route must not be taken for a plain one. */
const SUBRESOURCES = new Set([
  ...['abac', 'accelerate', 'acl', 'analytics', 'attributes', 'cors', 'encryption', 'intelligent-tiering'],
  ...['inventory', 'legal-hold', 'lifecycle', 'logging', 'metadataTable', 'metrics', 'notification'],
  ...['object-lock', 'ownershipControls', 'policy', 'policyStatus', 'publicAccessBlock', 'renameObject'],
  ...['replication', 'requestPayment', 'restore', 'retention', 'select', 'tagging', 'torrent', 'versioning'],
  ...['versions', 'website'],
]);

type Target = Pick<S3Request, 'bucket' | 'key' | 'query' | 'incoming'>;

/** @throws `NotImplemented` naming what is missing, or `MethodNotAllowed` */
export function findRoute({ bucket, key, query, incoming }: Target): { name: string; command: S3Command } {
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const { method } = incoming;
  const subresource = [...query.keys()].find((name) => SUBRESOURCES.has(name));
  const route = ROUTES.find(
    (candidate) =>
      candidate.method === method &&
      candidate.level === level &&
      (candidate.header === undefined || incoming.header(candidate.header) !== undefined) &&
      (subresource === undefined || Object.hasOwn(candidate.query ?? {}, subresource)) &&
      Object.entries(candidate.query ?? {}).every(
        ([name, value]) => query.has(name) && (value === undefined || query.get(name) === value),
      ),
  );
  if (!route && subresource !== undefined) {
    throw s3Error(
      'NotImplemented',
      `A parameter you provided implies functionality that is not implemented: squib's S3 has no ?${subresource} (${method} of a ${level}).`,
    );
  }
  const version = query.get('versionId');
  if (version !== undefined && version !== 'null') {
    throw s3Error(
      'NoSuchVersion',
      "The specified version does not exist: squib's S3 keeps the last one, 'null'.",
      {
        VersionId: version,
      },
    );
  }
  if (!route) {
    throw s3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
      Method: method,
      ResourceType: level.toUpperCase(),
    });
  }
  return route;
}

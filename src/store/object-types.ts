import type { Readable } from 'node:stream';

export interface BucketInfo {
  name: string;
  region: string;
  /** Epoch milliseconds. */
  createdAt: number;
}

/** What a client said about an object; kept as it is and given back. */
export interface ObjectAttributes {
  /** Standard headers by lower-case name, for example `content-type`. */
  headers: Record<string, string>;
  /** `x-amz-meta-*` without the prefix. */
  metadata: Record<string, string>;
  tags?: Record<string, string>;
  checksum?: { algorithm: string; value: string; type: 'FULL_OBJECT' | 'COMPOSITE' };
}

export interface ObjectInfo {
  bucket: string;
  key: string;
  /** Bytes. */
  size: number;
  /** Without quotes. */
  etag: string;
  /** Epoch milliseconds. */
  modifiedAt: number;
  attributes: ObjectAttributes;
  /** Size of each part of a multipart upload, in order; undefined for an object put in one piece. */
  partSizes?: number[];
}

/** An object that stays readable until its stream is closed, even when it is replaced or deleted meanwhile. */
export interface OpenObject {
  info: ObjectInfo;
  /** @param range both ends inclusive, in bytes; the whole object without it */
  stream(range?: { start: number; end: number }): Readable;
  /** For an object that is not read after all. */
  close(): void;
}

/** An object to be read from its beginning to its end, once. */
export interface ReadableObject {
  /** `size` in bytes. */
  info: Pick<ObjectInfo, 'size'>;
  stream(): Readable;
  /** For an object that is not read after all. */
  close(): void;
}

/** Where objects can be read: squib's own store, or an S3 service outside of squib. */
export interface ObjectSource {
  /** The caller must read what it gets (once), or `close` it. @throws NoSuchBucket | NoSuchKey | ObjectStoreError */
  openObject(bucket: string, key: string): ReadableObject | Promise<ReadableObject>;
}

/** What is known about bytes once all of them are on disk. */
export interface Written {
  size: number;
  /** Hexadecimal. */
  md5: string;
}

export interface ListRequest {
  prefix: string;
  delimiter: string;
  /** Only keys (and common prefixes) after this one. */
  after: string;
  limit: number;
}

export interface ListResult {
  objects: ObjectInfo[];
  commonPrefixes: string[];
  /** Where the next page starts (its `after`); undefined on the last page. */
  next?: string;
}

export interface UploadInfo {
  uploadId: string;
  bucket: string;
  key: string;
  /** Epoch milliseconds. */
  startedAt: number;
  attributes: ObjectAttributes;
  checksumAlgorithm?: string;
  checksumType?: 'FULL_OBJECT' | 'COMPOSITE';
}

export interface PartInfo {
  number: number;
  size: number;
  etag: string;
  modifiedAt: number;
  /** Base64, of the upload's algorithm. */
  checksum?: string;
}

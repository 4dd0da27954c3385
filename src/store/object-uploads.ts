import { createHash, randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { ObjectStoreError } from './object-errors.ts';
import type { DataFile, ObjectFiles } from './object-files.ts';
import type { ObjectStore, PutOptions } from './object-store.ts';
import type { ObjectAttributes, ObjectInfo, PartInfo, UploadInfo, Written } from './object-types.ts';

/** Smallest part that is not the last one, in bytes (S3: 5 MiB). */
export const SMALLEST_PART = 5 * 1024 * 1024;

interface PartRow {
  number: number;
  file: string;
  size: number;
  etag: string;
  modified_at: number;
  checksum: string | null;
}

export type UploadSettings = Pick<UploadInfo, 'attributes' | 'checksumAlgorithm' | 'checksumType'>;

/** A part as the client names it when it completes its upload. */
export interface NamedPart {
  number: number;
  etag: string;
}

/** Multipart uploads in progress: parts are durable as soon as they are acknowledged. */
export class Uploads {
  readonly #db: DatabaseSync;
  readonly #files: ObjectFiles;
  readonly #store: ObjectStore;

  constructor(db: DatabaseSync, files: ObjectFiles, store: ObjectStore) {
    this.#db = db;
    this.#files = files;
    this.#store = store;
  }

  /** @returns the upload's id. @throws NoSuchBucket */
  start(bucket: string, key: string, settings: UploadSettings): string {
    this.#store.bucket(bucket);
    const id = randomBytes(32).toString('base64url');
    this.#db
      .prepare('INSERT INTO uploads VALUES (?, ?, ?, ?, ?)')
      .run(id, bucket, Buffer.from(key), Date.now(), JSON.stringify(settings));
    return id;
  }

  /** @throws NoSuchBucket | ObjectStoreError `NoSuchUpload` */
  get(bucket: string, key: string, uploadId: string): UploadInfo {
    this.#store.bucket(bucket);
    const row = this.#db
      .prepare('SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?')
      .get(uploadId, bucket, Buffer.from(key));
    if (!row) throw noSuchUpload();
    return toUpload(row);
  }

  /** Ordered by key, then by start. @throws NoSuchBucket */
  list(bucket: string): UploadInfo[] {
    this.#store.bucket(bucket);
    const rows = this.#db
      .prepare('SELECT * FROM uploads WHERE bucket = ? ORDER BY key, started_at')
      .all(bucket);
    return rows.map(toUpload);
  }

  /**
   * Stores one part; a part of the same number is replaced.
   * @param describe called when all bytes are on disk; throws to refuse them; gives the checksum (base64)
   */
  async putPart(
    upload: UploadInfo,
    number: number,
    body: AsyncIterable<Uint8Array>,
    describe: (written: Written) => string | undefined,
  ): Promise<PartInfo> {
    const { id, size, md5 } = await this.#files.write(body);
    try {
      const checksum = describe({ size, md5 });
      const modifiedAt = Date.now();
      // The upload may have ended while the part came in.
      this.get(upload.bucket, upload.key, upload.uploadId);
      const before = this.#parts(upload.uploadId).find((part) => part.number === number);
      this.#db
        .prepare('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(upload.uploadId, number, id, size, md5, modifiedAt, checksum ?? null);
      if (before) await this.#files.remove([{ id: before.file, size: before.size }]);
      return { number, size, etag: md5, modifiedAt, ...(checksum !== undefined && { checksum }) };
    } catch (error) {
      await this.#files.remove([{ id, size }]);
      throw error;
    }
  }

  /** In order of their numbers. */
  parts(upload: UploadInfo): PartInfo[] {
    return this.#parts(upload.uploadId).map((row) => ({
      number: row.number,
      size: row.size,
      etag: row.etag,
      modifiedAt: row.modified_at,
      ...(row.checksum !== null && { checksum: row.checksum }),
    }));
  }

  /**
   * Makes the object out of the named parts; the others are dropped.
   * @throws ObjectStoreError `InvalidPart` | `InvalidPartOrder` | `EntityTooSmall` | `NoSuchUpload`
   */
  async complete(
    upload: UploadInfo,
    named: readonly NamedPart[],
    describe: (parts: PartInfo[]) => ObjectAttributes,
    condition?: PutOptions['condition'],
  ): Promise<ObjectInfo> {
    const rows = new Map(this.#parts(upload.uploadId).map((row) => [row.number, row]));
    const chosen = named.map((part, index) => {
      if (index > 0 && named[index - 1]!.number >= part.number) {
        throw new ObjectStoreError(
          'InvalidPartOrder',
          'The list of parts was not in ascending order. Parts must be ordered by part number.',
        );
      }
      const row = rows.get(part.number);
      if (!row || row.etag !== part.etag) {
        throw new ObjectStoreError(
          'InvalidPart',
          "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        );
      }
      return row;
    });
    if (chosen.slice(0, -1).some((row) => row.size < SMALLEST_PART)) {
      throw new ObjectStoreError(
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
      );
    }
    const byNumber = new Map(this.parts(upload).map((part) => [part.number, part]));
    const attributes = describe(chosen.map((row) => byNumber.get(row.number)!));
    const digests = Buffer.concat(chosen.map((row) => Buffer.from(row.etag, 'hex')));
    const info: ObjectInfo = {
      bucket: upload.bucket,
      key: upload.key,
      size: chosen.reduce((sum, row) => sum + row.size, 0),
      etag: `${createHash('md5').update(digests).digest('hex')}-${chosen.length}`,
      modifiedAt: Date.now(),
      attributes,
      partSizes: chosen.map((row) => row.size),
    };
    const files = chosen.map((row) => ({ id: row.file, size: row.size }));
    await this.#store.commitUpload(info, files, condition, () => {
      const gone = this.#db.prepare('DELETE FROM uploads WHERE id = ?').run(upload.uploadId);
      if (gone.changes === 0) throw noSuchUpload();
    });
    const used = new Set(chosen);
    await this.#files.remove(toFiles([...rows.values()].filter((row) => !used.has(row))));
    return info;
  }

  /** Drops an upload and its parts. */
  async abort(upload: UploadInfo): Promise<void> {
    const files = toFiles(this.#parts(upload.uploadId));
    this.#db.prepare('DELETE FROM uploads WHERE id = ?').run(upload.uploadId);
    await this.#files.remove(files);
  }

  /** For the removal of a bucket: forgets its uploads. @returns files that may be removed after the commit */
  dropAll(bucket: string): DataFile[] {
    const rows = this.#db
      .prepare('SELECT parts.* FROM parts JOIN uploads ON uploads.id = parts.upload WHERE uploads.bucket = ?')
      .all(bucket) as unknown as PartRow[];
    this.#db.prepare('DELETE FROM uploads WHERE bucket = ?').run(bucket);
    return toFiles(rows);
  }

  #parts(uploadId: string): PartRow[] {
    const select = this.#db.prepare('SELECT * FROM parts WHERE upload = ? ORDER BY number');
    return select.all(uploadId) as unknown as PartRow[];
  }
}

function noSuchUpload(): ObjectStoreError {
  return new ObjectStoreError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
}

function toFiles(rows: readonly PartRow[]): DataFile[] {
  return rows.map((row) => ({ id: row.file, size: row.size }));
}

function toUpload(row: Record<string, unknown>): UploadInfo {
  return {
    uploadId: row.id as string,
    bucket: row.bucket as string,
    key: Buffer.from(row.key as Uint8Array).toString(),
    startedAt: row.started_at as number,
    ...(JSON.parse(row.settings as string) as UploadSettings),
  };
}

import type { DatabaseSync } from 'node:sqlite';
import { BucketSettings } from './bucket-settings.ts';
import { NoSuchBucket, NoSuchKey, ObjectStoreError } from './object-errors.ts';
import { type DataFile, ObjectFiles } from './object-files.ts';
import { afterPrefix, openObjectIndex, transaction } from './object-index.ts';
import type {
  BucketInfo,
  ListRequest,
  ListResult,
  ObjectAttributes,
  ObjectInfo,
  OpenObject,
  Written,
} from './object-types.ts';
import { Uploads } from './object-uploads.ts';

export { NoSuchBucket, NoSuchKey, ObjectStoreError };

interface ObjectRow {
  key: Uint8Array;
  size: number;
  etag: string;
  modified_at: number;
  attributes: string;
  multipart: number;
  files: string;
}

export interface PutOptions {
  /** Called when all bytes are on disk; throws to refuse them. */
  describe(written: Written): ObjectAttributes;
  /** Called inside the transaction with what is stored now; throws to refuse the change. */
  condition?(existing: ObjectInfo | undefined): void;
}

/**
 * Buckets and objects in a folder: `index.db` says what exists, `data/` holds the bytes. What was acknowledged
 * survives a power cut; what was not leaves nothing behind.
 */
export class ObjectStore {
  readonly uploads: Uploads;
  readonly settings: BucketSettings;
  readonly #db: DatabaseSync;
  readonly #files: ObjectFiles;

  private constructor(db: DatabaseSync, files: ObjectFiles) {
    this.#db = db;
    this.#files = files;
    this.uploads = new Uploads(db, files, this);
    this.settings = new BucketSettings(db);
  }

  static async open(dir: string): Promise<ObjectStore> {
    const db = openObjectIndex(dir);
    try {
      const known = new Set<string>();
      for (const { files } of db.prepare('SELECT files FROM objects').iterate() as Iterable<{
        files: string;
      }>) {
        for (const { id } of JSON.parse(files) as DataFile[]) known.add(id);
      }
      for (const { file } of db.prepare('SELECT file FROM parts').iterate() as Iterable<{ file: string }>) {
        known.add(file);
      }
      return new ObjectStore(db, await ObjectFiles.open(dir, (id) => known.has(id)));
    } catch (error) {
      db.close();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }

  /** @throws ObjectStoreError `BucketAlreadyOwnedByYou` */
  createBucket(name: string, region: string): void {
    const added = this.#db
      .prepare('INSERT INTO buckets (name, region, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
      .run(name, region, Date.now());
    if (added.changes === 0) {
      throw new ObjectStoreError(
        'BucketAlreadyOwnedByYou',
        'Your previous request to create the named bucket succeeded and you already own it.',
      );
    }
  }

  /** @throws NoSuchBucket | ObjectStoreError `BucketNotEmpty` */
  async deleteBucket(name: string): Promise<void> {
    this.bucket(name);
    const leftovers = transaction(this.#db, () => {
      if (this.#db.prepare('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1').get(name)) {
        throw new ObjectStoreError('BucketNotEmpty', 'The bucket you tried to delete is not empty');
      }
      const files = this.uploads.dropAll(name);
      this.#db.prepare('DELETE FROM buckets WHERE name = ?').run(name);
      return files;
    });
    await this.#files.remove(leftovers);
  }

  /** @throws NoSuchBucket */
  bucket(name: string): BucketInfo {
    const row = this.#db.prepare('SELECT region, created_at FROM buckets WHERE name = ?').get(name);
    if (!row) throw new NoSuchBucket(name);
    return { name, region: row.region as string, createdAt: row.created_at as number };
  }

  /** @throws NoSuchBucket */
  putSetting(bucket: string, name: string, document: string): void {
    this.bucket(bucket);
    this.settings.put(bucket, name, document);
  }

  /** @throws NoSuchBucket */
  removeSetting(bucket: string, name: string): void {
    this.bucket(bucket);
    this.settings.remove(bucket, name);
  }

  hasBucket(name: string): boolean {
    return this.#db.prepare('SELECT 1 FROM buckets WHERE name = ?').get(name) !== undefined;
  }

  buckets(): BucketInfo[] {
    const rows = this.#db.prepare('SELECT name, region, created_at FROM buckets ORDER BY name').all();
    return rows.map((row) => ({
      name: row.name as string,
      region: row.region as string,
      createdAt: row.created_at as number,
    }));
  }

  /** Replaces the object as a whole. @throws NoSuchBucket, or whatever `body` or `options` throw */
  async putObject(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<ObjectInfo> {
    this.bucket(bucket);
    const { id, size, md5 } = await this.#files.write(body);
    const file: DataFile = { id, size };
    try {
      const attributes = options.describe({ size, md5 });
      const info: ObjectInfo = { bucket, key, size, etag: md5, modifiedAt: Date.now(), attributes };
      await this.#commit(info, [file], options.condition);
      return info;
    } catch (error) {
      await this.#files.remove([file]);
      throw error;
    }
  }

  /** For `Uploads`: makes an object out of files that are on disk already. */
  async commitUpload(
    info: ObjectInfo,
    files: DataFile[],
    condition: PutOptions['condition'],
    alongside: () => void,
  ): Promise<void> {
    await this.#commit(info, files, condition, alongside);
  }

  async #commit(
    info: ObjectInfo,
    files: DataFile[],
    condition: PutOptions['condition'],
    alongside?: () => void,
  ): Promise<void> {
    const replaced = transaction(this.#db, () => {
      this.bucket(info.bucket);
      const before = this.#row(info.bucket, info.key);
      condition?.(before && toInfo(info.bucket, before));
      this.#db
        .prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          info.bucket,
          Buffer.from(info.key),
          info.size,
          info.etag,
          info.modifiedAt,
          JSON.stringify(info.attributes),
          info.partSizes ? 1 : 0,
          JSON.stringify(files),
        );
      alongside?.();
      return before ? (JSON.parse(before.files) as DataFile[]) : [];
    });
    await this.#files.remove(replaced);
  }

  /** @throws NoSuchBucket | NoSuchKey */
  headObject(bucket: string, key: string): ObjectInfo {
    return toInfo(bucket, this.#existing(bucket, key));
  }

  /** Changes what is said about an object, not the object. @throws NoSuchBucket | NoSuchKey */
  changeAttributes(
    bucket: string,
    key: string,
    change: (attributes: ObjectAttributes) => ObjectAttributes,
  ): void {
    transaction(this.#db, () => {
      const attributes = change(JSON.parse(this.#existing(bucket, key).attributes) as ObjectAttributes);
      this.#db
        .prepare('UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ?')
        .run(JSON.stringify(attributes), bucket, Buffer.from(key));
    });
  }

  /** The caller must read what it gets (once), or `close` it. @throws NoSuchBucket | NoSuchKey */
  openObject(bucket: string, key: string): OpenObject {
    const row = this.#existing(bucket, key);
    const files = JSON.parse(row.files) as DataFile[];
    const info = toInfo(bucket, row);
    const close = this.#files.hold(files);
    return {
      info,
      stream: (range) => {
        const stream = this.#files.read(files, range?.start ?? 0, range?.end ?? info.size - 1);
        return stream.once('close', close);
      },
      close,
    };
  }

  /** Not an error when there is no such key. @returns whether there was one. @throws NoSuchBucket */
  async deleteObject(bucket: string, key: string, condition?: PutOptions['condition']): Promise<boolean> {
    this.bucket(bucket);
    const row = transaction(this.#db, () => {
      const before = this.#row(bucket, key);
      condition?.(before && toInfo(bucket, before));
      this.#db.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?').run(bucket, Buffer.from(key));
      return before;
    });
    if (row) await this.#files.remove(JSON.parse(row.files) as DataFile[]);
    return row !== undefined;
  }

  /** Keys in UTF-8 order, those with the same text up to `delimiter` folded into one common prefix. @throws NoSuchBucket */
  listObjects(bucket: string, { prefix, delimiter, after, limit }: ListRequest): ListResult {
    this.bucket(bucket);
    const result: ListResult = { objects: [], commonPrefixes: [] };
    if (limit === 0) return result;
    const start = Buffer.from(prefix);
    const end = afterPrefix(start);
    const select = this.#db.prepare(
      `SELECT * FROM objects WHERE bucket = ? AND key >= ? ${end ? 'AND key < ?' : ''} ORDER BY key`,
    );
    let count = 0;
    let last = after;
    let from: Buffer | undefined = firstAfter(start, after, prefix, delimiter);
    while (from) {
      const rows = select.iterate(...[bucket, from, ...(end ? [end] : [])]) as Iterable<unknown>;
      from = undefined;
      for (const row of rows as Iterable<ObjectRow>) {
        const key = Buffer.from(row.key).toString();
        const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
        if (count === limit) return { ...result, next: last };
        count++;
        if (cut < 0) {
          result.objects.push(toInfo(bucket, row));
          last = key;
          continue;
        }
        const common = key.slice(0, cut + delimiter.length);
        result.commonPrefixes.push(common);
        last = common;
        from = afterPrefix(Buffer.from(common));
        break;
      }
    }
    return result;
  }

  #row(bucket: string, key: string): ObjectRow | undefined {
    const select = this.#db.prepare('SELECT * FROM objects WHERE bucket = ? AND key = ?');
    return select.get(bucket, Buffer.from(key)) as ObjectRow | undefined;
  }

  #existing(bucket: string, key: string): ObjectRow {
    this.bucket(bucket);
    const row = this.#row(bucket, key);
    if (!row) throw new NoSuchKey(bucket, key);
    return row;
  }
}

/** Where a page begins: after a key, or, when `after` is itself a common prefix, after all that it folds. */
function firstAfter(start: Buffer, after: string, prefix: string, delimiter: string): Buffer {
  if (after === '') return start;
  const folded = delimiter !== '' && after.startsWith(prefix) && after.indexOf(delimiter, prefix.length) >= 0;
  const bytes = Buffer.from(after);
  const next =
    folded && after.endsWith(delimiter) ? afterPrefix(bytes)! : Buffer.concat([bytes, Buffer.of(0)]);
  return Buffer.compare(next, start) > 0 ? next : start;
}

function toInfo(bucket: string, row: ObjectRow): ObjectInfo {
  const info: ObjectInfo = {
    bucket,
    key: Buffer.from(row.key).toString(),
    size: row.size,
    etag: row.etag,
    modifiedAt: row.modified_at,
    attributes: JSON.parse(row.attributes) as ObjectAttributes,
  };
  if (row.multipart) info.partSizes = (JSON.parse(row.files) as DataFile[]).map((file) => file.size);
  return info;
}

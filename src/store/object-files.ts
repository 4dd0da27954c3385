import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Written } from './object-types.ts';

/** A piece of an object: a file of its own, named by a random id, never by anything a client chose. */
export interface DataFile {
  id: string;
  size: number;
}

/**
 * The bytes of objects: `data/<xx>/<uuid>`, complete and synced before anyone hears of them.
 * A file that is being read is removed only when its last reader is done.
 */
export class ObjectFiles {
  readonly #data: string;
  readonly #incoming: string;
  readonly #readers = new Map<string, number>();
  readonly #doomed = new Set<string>();

  private constructor(dir: string) {
    this.#data = join(dir, 'data');
    this.#incoming = join(dir, 'incoming');
  }

  /** @param isKnown tells whether a file still belongs to an object; others are what a crash left behind */
  static async open(dir: string, isKnown: (id: string) => boolean): Promise<ObjectFiles> {
    const files = new ObjectFiles(dir);
    await rm(files.#incoming, { recursive: true, force: true });
    await mkdir(files.#incoming, { recursive: true, mode: 0o700 });
    await mkdir(files.#data, { recursive: true, mode: 0o700 });
    for (const shard of await readdir(files.#data)) {
      for (const id of await readdir(join(files.#data, shard))) {
        if (!isKnown(id)) await rm(join(files.#data, shard, id), { force: true });
      }
    }
    return files;
  }

  /** Streams `body` to disk. When it fails, nothing stays behind. */
  async write(body: AsyncIterable<Uint8Array>): Promise<DataFile & Written> {
    const id = randomUUID();
    const temporary = join(this.#incoming, id);
    const md5 = createHash('md5');
    let size = 0;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        for await (const chunk of body) {
          md5.update(chunk);
          size += chunk.length;
          let at = 0;
          while (at < chunk.length) at += (await file.write(chunk, at)).bytesWritten;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const shard = join(this.#data, id.slice(0, 2));
      if (await mkdir(shard, { recursive: true, mode: 0o700 })) await syncFolder(this.#data);
      await rename(temporary, join(shard, id));
      await syncFolder(shard);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return { id, size, md5: md5.digest('hex') };
  }

  /** Keeps files alive until the returned function is called. */
  hold(files: readonly DataFile[]): () => void {
    for (const { id } of files) this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const { id } of files) {
        const left = this.#readers.get(id)! - 1;
        if (left > 0) this.#readers.set(id, left);
        else {
          this.#readers.delete(id);
          // A file that stays because this fails is swept at the next start.
          if (this.#doomed.delete(id)) void rm(this.#path(id), { force: true }).catch(() => {});
        }
      }
    };
  }

  /** @param start @param end first and last byte over all files together */
  read(files: readonly DataFile[], start: number, end: number): Readable {
    const path = (id: string) => this.#path(id);
    async function* pieces() {
      let offset = 0;
      for (const { id, size } of files) {
        const from = Math.max(start - offset, 0);
        const to = Math.min(end - offset, size - 1);
        offset += size;
        if (from > to) continue;
        yield* createReadStream(path(id), { start: from, end: to, highWaterMark: 256 * 1024 });
      }
    }
    return Readable.from(pieces(), { objectMode: false, highWaterMark: 256 * 1024 });
  }

  async remove(files: readonly DataFile[]): Promise<void> {
    for (const { id } of files) {
      if (this.#readers.has(id)) this.#doomed.add(id);
      else await rm(this.#path(id), { force: true });
    }
  }

  #path(id: string): string {
    return join(this.#data, id.slice(0, 2), id);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

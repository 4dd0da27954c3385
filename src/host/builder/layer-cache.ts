import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { makeStore } from './disk-files.ts';
import { isAlive, processIdentity } from './slots.ts';

/** A step's layer is there up to three times while it is committed: as it was written, packed, and unpacked again. */
const room = 3;

/** A cached store that is fuller than this part of its disk is not used again: the next build needs room. */
const fullest = 1 / room;

/** The disk that a build works on, with what earlier builds of the same image left there. */
export interface LayerStore {
  path: string;
  /** Whether an earlier build has used it. */
  warm: boolean;
}

export interface CachedStore {
  path: string;
  bytes: number;
  usedAt: Date;
}

/**
 * Layers, and the directories of `RUN --mount=type=cache`, of earlier builds: one disk per image. A hostile build can
 * spoil the disk of its own image and no other, and what a disk holds is only ever read inside the sandbox.
 *
 * A build takes a disk by renaming it, so that nobody else has it at the same time, and gives it back likewise.
 */
export class LayerCache {
  readonly #folder: string;
  readonly #limitBytes: number;
  readonly #baseImages: string;

  /** @param limitBytes what all disks together may take; the ones not used for longest go first */
  constructor(cacheDir: string, limitBytes: number) {
    this.#folder = join(cacheDir, 'builder');
    this.#baseImages = join(cacheDir, 'base-images');
    this.#limitBytes = limitBytes;
  }

  /**
   * The disk of `key` (whatever names an image), or an empty one.
   * @param imageBytes what the root filesystem of the image may take
   */
  async take(key: string, imageBytes: number, fresh = false): Promise<LayerStore> {
    const diskBytes = imageBytes * room;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `busy-${await processIdentity()}-${randomUUID()}.ext4`);
    const kept = await this.#file(key, imageBytes);
    if (await moved(kept, path)) {
      const { size, blocks } = await stat(path);
      if (!fresh && size === diskBytes && blocks * 512 < diskBytes * fullest) return { path, warm: true };
      await rm(path);
    }
    await makeStore(path, diskBytes);
    return { path, warm: false };
  }

  /** Keeps a disk for the next build of `key`; nothing has it mounted any more. */
  async keep(store: LayerStore, key: string, imageBytes: number): Promise<void> {
    const file = await open(store.path, 'r+');
    try {
      await file.sync(); // a power cut may not leave half of it under its final name
    } finally {
      await file.close();
    }
    const now = new Date();
    await utimes(store.path, now, now);
    await rename(store.path, await this.#file(key, imageBytes));
    await this.shrink(this.#limitBytes);
  }

  async discard(store: LayerStore): Promise<void> {
    await rm(store.path, { force: true });
  }

  /** Disks that no build uses at the moment, the one used last first. */
  async list(): Promise<CachedStore[]> {
    const stores: CachedStore[] = [];
    for (const name of await readdir(this.#folder).catch(() => [] as string[])) {
      if (!name.startsWith('layers-')) continue;
      const path = join(this.#folder, name);
      const stats = await stat(path).catch(() => undefined); // a build may have just taken it
      if (stats) stores.push({ path, bytes: stats.blocks * 512, usedAt: stats.mtime });
    }
    return stores.sort((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
  }

  /** Removes disks until they take `bytes` or less. Returns what was freed, in bytes. */
  async shrink(bytes: number): Promise<number> {
    let total = 0;
    let freed = 0;
    for (const store of await this.list()) {
      total += store.bytes;
      if (total <= bytes) continue;
      await rm(store.path, { force: true });
      freed += store.bytes;
    }
    return freed;
  }

  /** Removes disks of builds whose process was killed. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [] as string[])) {
      const [, pid, startTime] = /^busy-(\d+)-(\d+)-/.exec(name) ?? [];
      if (pid === undefined || startTime === undefined) continue;
      if (!(await isAlive({ pid: Number(pid), startTime })))
        await rm(join(this.#folder, name), { force: true });
    }
  }

  /** Layers rest on base images: after one was removed, all disks are of another generation and no longer found. */
  async #file(key: string, imageBytes: number): Promise<string> {
    const generation = await readFile(join(this.#baseImages, 'generation'), 'utf8').catch(() => '');
    const hash = createHash('sha256').update(JSON.stringify([key, imageBytes, generation]));
    return join(this.#folder, `layers-${hash.digest('hex').slice(0, 32)}.ext4`);
  }
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

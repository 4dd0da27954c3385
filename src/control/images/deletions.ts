import type { VersionState } from '../../store/states.ts';
import { versionName } from '../arns.ts';
import type { Ground } from '../context.ts';
import { backoff, delay } from '../delay.ts';
import { persist } from '../persist.ts';
import { moveImage, moveVersion } from './image-records.ts';

/** How often the host is asked before a deletion counts as failed and may be asked for again. */
const ATTEMPTS = 3;

/** What `sweep` of the host may keep: everything else is a leftover. */
const withFiles: VersionState[] = ['SUCCESSFUL', 'DELETING', 'DELETE_FAILED'];

/** Removes images and versions that were recorded as DELETING: files first, then the records. */
export class Deletions {
  readonly #ground: Ground;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  deleteImage(imageId: string): void {
    this.#run(() => this.#deleteImage(imageId));
  }

  deleteVersion(imageId: string, number: number): void {
    this.#run(() => this.#deleteVersion(imageId, number));
  }

  /** Finishes what an earlier run of squib had begun. */
  recover(): void {
    const { store } = this.#ground;
    const images = store.images.inState('DELETING');
    for (const { id } of images) this.deleteImage(id);
    for (const { imageId, number } of store.versions.inState('DELETING')) {
      if (!images.some(({ id }) => id === imageId)) this.deleteVersion(imageId, number);
    }
  }

  /** `<image name>/<version>` of every version whose files are still needed or not yet removed. */
  versionsWithFiles(): Set<`${string}/${string}`> {
    const { store } = this.#ground;
    const all = withFiles.flatMap((state) => store.versions.inState(state));
    return new Set(all.map(({ imageName, number }) => `${imageName}/${versionName(number)}` as const));
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((error) => this.#ground.log.error('image.delete', { error }))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #deleteImage(imageId: string): Promise<void> {
    const { store } = this.#ground;
    const name = store.images.byId(imageId)?.name;
    if (name === undefined) return;
    let problem: string | undefined;
    for (const number of store.versions.numbers(imageId)) {
      problem ??= await this.#removeFiles(name, number);
      if (this.#stop.signal.aborted) return;
    }
    await persist(this.#ground, this.#stop.signal, () => this.#recordImage(imageId, problem));
  }

  #recordImage(imageId: string, problem: string | undefined): void {
    const { store, clock } = this.#ground;
    const at = clock.now();
    store.transaction(() => {
      const image = store.images.byId(imageId)!;
      if (problem !== undefined) {
        moveImage(store, image, 'deleteFailed', { at, reason: problem });
        return;
      }
      moveImage(store, image, 'deleted', { at, reason: 'All files of the image were removed.' });
      store.tags.clear(image.arn);
      store.activityPolicies.remove(image.arn);
      store.images.remove(imageId);
    });
  }

  async #deleteVersion(imageId: string, number: number): Promise<void> {
    const name = this.#ground.store.images.byId(imageId)?.name;
    if (name === undefined) return;
    const problem = await this.#removeFiles(name, number);
    if (this.#stop.signal.aborted) return;
    await persist(this.#ground, this.#stop.signal, () => this.#recordVersion(imageId, number, problem));
  }

  #recordVersion(imageId: string, number: number, problem: string | undefined): void {
    const { store, clock } = this.#ground;
    const at = clock.now();
    store.transaction(() => {
      const image = store.images.byId(imageId)!;
      const version = store.versions.get(imageId, number)!;
      if (problem !== undefined) {
        moveVersion(store, version, 'deleteFailed', { at, reason: problem });
        moveImage(store, image, 'versionDeleteFailed', { at, reason: problem });
        return;
      }
      const reason = `All files of version ${versionName(number)} were removed.`;
      moveVersion(store, version, 'deleted', { at, reason });
      store.versions.remove(imageId, number);
      moveImage(store, image, 'versionDeleted', { at, reason });
    });
  }

  /** @returns what is wrong, in words, when the files cannot be removed. */
  async #removeFiles(imageName: string, number: number): Promise<string | undefined> {
    const { host, clock, log } = this.#ground;
    const imageVersion = versionName(number);
    let problem: string | undefined;
    for (let attempt = 0; attempt < ATTEMPTS && !this.#stop.signal.aborted; attempt++) {
      if (attempt > 0) await delay(clock, backoff(attempt), this.#stop.signal);
      try {
        await host.deleteVersion(imageName, imageVersion);
        return undefined;
      } catch (error) {
        log.warn('image.delete', { imageName, imageVersion, attempt, error });
        problem = `The files of version ${imageVersion} could not be removed: ${(error as Error).message}`;
      }
    }
    return problem;
  }
}

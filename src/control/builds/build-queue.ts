import type { BuildRow } from '../../store/builds.ts';
import type { Ground } from '../context.ts';
import { BuildFailed, type SnapshotBuild } from '../host.ts';
import { moveBuild, moveImage, moveVersion, type Occasion } from '../images/image-records.ts';
import { persist } from '../persist.ts';
import { buildOrder } from './build-order.ts';

type Result = { snapshotBuild: SnapshotBuild | undefined; failure?: string };

/** Runs recorded builds, oldest first, a few at a time. The queue itself is the store. */
export class BuildQueue {
  readonly #ground: Ground;
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Puts builds that an earlier run of squib did not finish back into the queue, each with a new build VM. */
  resetInterrupted(): void {
    const { store, clock, random } = this.#ground;
    const occasion = { at: clock.now(), reason: 'squib was stopped during the build; it begins again.' };
    store.transaction(() => {
      for (const build of store.builds.inFlight()) {
        if (build.state !== 'IN_PROGRESS') continue;
        moveBuild(store, build, 'interrupted', occasion, { microvmId: `microvm-${random.uuid()}` });
        const version = store.versions.get(build.imageId, build.number);
        if (version !== undefined) moveVersion(store, version, 'interrupted', occasion);
      }
    });
  }

  /** Ids of the build VMs that run or will run. */
  microvmIds(): string[] {
    return this.#ground.store.builds.inFlight().map(({ microvmId }) => microvmId);
  }

  /** Looks for builds to start; called whenever one was recorded or has ended. */
  wake(): void {
    const { store, config } = this.#ground;
    const waiting = store.builds.inFlight().filter(({ id }) => !this.#running.has(id));
    for (const build of waiting) {
      if (this.#stop.signal.aborted || this.#running.size >= config.quotas.buildsAtOnce) return;
      const running = this.#run(build).finally(() => {
        this.#running.delete(build.id);
        this.wake();
      });
      this.#running.set(build.id, running);
    }
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Cancels what runs, without recording an end: the next start of squib begins those builds again. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  async #run(build: BuildRow): Promise<void> {
    const begun = await this.#persist(() => this.#begin(build.id));
    if (!begun) return;
    const result = await this.#build(build);
    if (this.#stop.signal.aborted) return;
    await this.#persist(() => this.#finish(build.id, result));
  }

  #begin(buildId: string): void {
    const { store, clock } = this.#ground;
    const occasion = { at: clock.now(), reason: 'The build began.' };
    store.transaction(() => {
      const build = store.builds.get(buildId)!;
      const version = store.versions.get(build.imageId, build.number)!;
      moveBuild(store, build, 'start', occasion);
      moveVersion(store, version, 'buildStarted', occasion);
    });
  }

  async #build(build: BuildRow): Promise<Result> {
    const { store, host, log } = this.#ground;
    const { id: buildId, imageId, number } = build;
    try {
      const image = store.images.byId(imageId)!;
      const version = store.versions.get(imageId, number)!;
      return { snapshotBuild: await host.build(buildOrder(store, image, version, build), this.#stop.signal) };
    } catch (error) {
      if (error instanceof BuildFailed) return { snapshotBuild: error.snapshotBuild, failure: error.message };
      log.error('build.failed', { buildId, error });
      const failure = `INTERNAL_PLATFORM_ERROR: ${(error as Error).message}`;
      return { snapshotBuild: undefined, failure };
    }
  }

  /** Decision C28: a version is only as good as its build. */
  #finish(buildId: string, { snapshotBuild, failure }: Result): void {
    const { store, clock, log } = this.#ground;
    const occasion: Occasion = { at: clock.now(), reason: failure ?? 'The snapshot was written.' };
    const failed = failure !== undefined;
    store.transaction(() => {
      const build = store.builds.get(buildId)!;
      const image = store.images.byId(build.imageId)!;
      const version = store.versions.get(build.imageId, build.number)!;
      moveBuild(store, build, failed ? 'failed' : 'succeeded', occasion, {
        snapshotBuild,
        ...(failed && { stateReason: failure }),
      });
      moveVersion(store, version, failed ? 'buildFailed' : 'buildSucceeded', occasion);
      moveImage(store, image, failed ? 'buildFailed' : 'buildSucceeded', occasion);
    });
    log.info('build.ended', { buildId, failed, reason: occasion.reason });
  }

  #persist(write: () => void): Promise<boolean> {
    return persist(this.#ground, this.#stop.signal, write);
  }
}

import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailed } from '../../control/host.ts';
import type { Log } from '../../log/log.ts';
import { openArtifact } from './artifact.ts';
import { BaseImages, BaseImageUnavailable } from './base-images.ts';
import { BuildLog } from './build-log.ts';
import { type ContainerConfig, readContainerConfig } from './container-config.ts';
import { makeSparseFile, makeStore } from './disk-files.ts';
import { type BuildPlan, DockerfileRefused, planBuild } from './dockerfile.ts';
import { disconnectNetwork } from './network.ts';
import { readResult, takeFile } from './results.ts';
import { runInSandbox } from './sandbox.ts';
import { type Slot, takeSlot } from './slots.ts';
import { sweepBuilds } from './sweep.ts';

export interface ImageBuilderOptions {
  /** Holds `runtime` (the tree that buildah runs in) and `base-images`. */
  cacheDir: string;
  /** Where base images come from instead of their own registry; see the setting of that name. */
  mirrors: Record<string, string>;
  log: Log;
}

export interface ImageBuildOrder {
  /** Names the build in squib's own log. */
  id: string;
  zipPath: string;
  /** Existing directory for scratch and results, on the file system that the results stay on. */
  workDir: string;
  /** Size of the root filesystem, and of the disk that the build itself may use. */
  diskBytes: number;
  signal: AbortSignal;
  /** Receives the build log line by line. */
  onLog(line: string): void;
  /** Default: 30 minutes. */
  timeoutMs?: number;
}

export interface BuiltImage {
  /** ext4 file in `workDir`, sparse, `diskBytes` long. */
  rootfs: string;
  container: ContainerConfig;
  /** What the root filesystem really takes on disk. */
  rootfsBytes: number;
}

export interface ImageBuilder {
  /**
   * From a zip to a root filesystem. When it rejects, nothing is left: no file in `workDir`, no process, mount, loop
   * device, interface or firewall rule.
   *
   * @throws BuildFailed with the sentence that AWS shows; the reason in words is in the build log
   */
  build(order: ImageBuildOrder): Promise<BuiltImage>;
  /** Removes what builders left behind that were killed. Safe while others build. */
  sweep(): Promise<void>;
}

/** What AWS says when a Dockerfile cannot be built (spec: image-build 2, step 4). */
const containerBuildFailed = 'The container image build failed.';
const defaultTimeoutMs = 30 * 60_000;
const maxEntries = 200_000;

export function createImageBuilder(options: ImageBuilderOptions): ImageBuilder {
  const baseImages = new BaseImages(options);
  return {
    sweep: () => sweepBuilds(options.log),
    async build(order) {
      const scratch = join(order.workDir, 'image-build');
      const rootfs = join(order.workDir, 'rootfs.ext4');
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch, { mode: 0o711 });
      const timeout = AbortSignal.timeout(order.timeoutMs ?? defaultTimeoutMs);
      const signal = AbortSignal.any([order.signal, timeout]);
      const started = Date.now();
      try {
        const container = await new Build(options, baseImages, order, scratch, rootfs, signal).run();
        const rootfsBytes = (await stat(rootfs)).blocks * 512;
        options.log.info('image built', { id: order.id, milliseconds: Date.now() - started, rootfsBytes });
        return { rootfs, container, rootfsBytes };
      } catch (error) {
        await rm(rootfs, { force: true });
        if (timeout.aborted && !order.signal.aborted) {
          order.onLog('ERROR: the build took too long');
          throw new BuildFailed(containerBuildFailed);
        }
        throw error;
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

class Build {
  readonly #options: ImageBuilderOptions;
  readonly #baseImages: BaseImages;
  readonly #order: ImageBuildOrder;
  readonly #scratch: string;
  readonly #rootfs: string;
  readonly #signal: AbortSignal;

  constructor(
    options: ImageBuilderOptions,
    baseImages: BaseImages,
    order: ImageBuildOrder,
    scratch: string,
    rootfs: string,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#baseImages = baseImages;
    this.#order = order;
    this.#scratch = scratch;
    this.#rootfs = rootfs;
    this.#signal = signal;
  }

  async run(): Promise<ContainerConfig> {
    const { zipPath, diskBytes } = this.#order;
    const context = join(this.#scratch, 'context');
    await openArtifact(zipPath, context, { entries: maxEntries, bytes: diskBytes }, this.#signal);
    const plan = await this.#plan(context);
    const log = new BuildLog(plan, this.#order.onLog);
    log.begin('[internal] load build definition from Dockerfile');
    for (const note of plan.notes) log.note(note);
    await this.#fetchBaseImages(plan, log);
    const slot = await takeSlot(this.#scratch, this.#signal);
    try {
      return await this.#runJob(log, slot, context);
    } finally {
      await disconnectNetwork(slot);
    }
  }

  /** The Dockerfile with full image names, in a directory of its own beside the context. */
  async #plan(context: string): Promise<BuildPlan> {
    const job = join(this.#scratch, 'job');
    await mkdir(job);
    try {
      const plan = planBuild(await readResult(join(context, 'Dockerfile'), 2 ** 20));
      await writeFile(join(job, 'Dockerfile'), plan.text);
      await copyFile(join(context, 'Dockerfile.dockerignore'), join(job, 'Dockerfile.dockerignore')).catch(
        () => {},
      );
      return plan;
    } catch (error) {
      if (!(error instanceof DockerfileRefused)) throw error;
      this.#order.onLog(`ERROR: ${error.message}`);
      throw new BuildFailed(containerBuildFailed);
    }
  }

  async #fetchBaseImages(plan: BuildPlan, log: BuildLog): Promise<void> {
    for (const reference of plan.references) {
      log.begin(`[internal] load metadata for ${reference}`);
      try {
        await this.#baseImages.ensure(reference, this.#scratch, this.#signal);
      } catch (error) {
        if (!(error instanceof BaseImageUnavailable)) throw error;
        for (const line of error.message.split('\n')) this.#order.onLog(`ERROR: ${line}`);
        throw new BuildFailed(containerBuildFailed);
      }
    }
    log.done();
  }

  async #runJob(log: BuildLog, slot: Slot, context: string): Promise<ContainerConfig> {
    const out = join(this.#scratch, 'out');
    const store = join(this.#scratch, 'store.ext4');
    await mkdir(out);
    await makeStore(store, this.#order.diskBytes);
    await makeSparseFile(join(out, 'rootfs.ext4'), this.#order.diskBytes, slot.firstUid);
    const code = await runInSandbox({
      tree: join(this.#options.cacheDir, 'runtime'),
      job: 'build-job.sh',
      env: { SQUIB_LAYERS: 'false' },
      scratch: this.#scratch,
      out,
      binds: [
        { source: this.#baseImages.store, name: 'base' },
        { source: context, name: 'context' },
        { source: join(this.#scratch, 'job'), name: 'job' },
      ],
      firstUid: slot.firstUid,
      slot,
      store,
      signal: this.#signal,
      onOutput: (chunk, view) => log.push(chunk, () => view.storeIsFull()),
    });
    this.#signal.throwIfAborted();
    if (code !== 0) throw this.#failure(log, await readResult(join(out, 'step'), 100).catch(() => ''));
    log.done();
    return this.#takeResults(out, log);
  }

  /** @param step how far the job came: see build-job.sh */
  #failure(log: BuildLog, step: string): BuildFailed {
    log.failed();
    const tooBig = step.trim() === 'rootfs' && log.blocksRanOut;
    if (!log.storeWasFull && !tooBig) return new BuildFailed(containerBuildFailed);
    const gibibytes = this.#order.diskBytes / 2 ** 30;
    return new BuildFailed(
      `DISK_STORAGE_FULL: the container image build needs more than ${gibibytes} GiB of disk`,
    );
  }

  /** Everything in `out` was written by a tenant: only plain files of a sensible size are read. */
  async #takeResults(out: string, log: BuildLog): Promise<ContainerConfig> {
    const files = {
      config: await readResult(join(out, 'config.json'), 4 * 2 ** 20),
      passwd: await readResult(join(out, 'passwd'), 2 ** 20),
      group: await readResult(join(out, 'group'), 2 ** 20),
    };
    await takeFile(join(out, 'rootfs.ext4'), this.#rootfs, this.#order.diskBytes);
    try {
      return readContainerConfig(files);
    } catch (error) {
      log.note(`ERROR: ${(error as Error).message}`);
      throw new BuildFailed(containerBuildFailed);
    }
  }
}

import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildFailed } from '../../control/host.ts';
import { SquibError } from '../../errors/squib-error.ts';
import type { Log } from '../../log/log.ts';
import { openArtifact } from './artifact.ts';
import { BaseImages, BaseImageUnavailable } from './base-images.ts';
import { baseView } from './base-view.ts';
import { BuildLog } from './build-log.ts';
import { type ContainerConfig, readContainerConfig } from './container-config.ts';
import { makeSparseFile, makeStore } from './disk-files.ts';
import { type BuildPlan, DockerfileRefused, planBuild } from './dockerfile.ts';
import { LayerCache, type LayerStore } from './layer-cache.ts';
import { disconnectNetwork } from './network.ts';
import type { Registries, RegistryLogin } from './registry-credentials.ts';
import { readResult, takeFile } from './results.ts';
import { runInSandbox } from './sandbox.ts';
import { type Slot, takeSlot } from './slots.ts';
import { sweepBuilds } from './sweep.ts';

export interface ImageBuilderOptions {
  /** Holds `runtime` (the tree that buildah runs in) and `base-images`. */
  cacheDir: string;
  /** Where base images come from instead of their own registry; see the setting of that name. */
  mirrors: Record<string, string>;
  /** What the layer cache may take on disk. Default: 10 GiB. */
  cacheBytes?: number;
  /** Credentials for registries; see the setting of that name. */
  registries?: Registries;
  /** For registries to which a build is its role. */
  login?: RegistryLogin;
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
  /** Memory that all processes of the build may use together, in bytes. Default: 2 GiB. */
  memoryBytes?: number;
  /** Build role, in whose name base images are fetched from registries that want to know. */
  roleArn?: string;
  /** Names the image whose earlier layers may be used again, and that later builds may use these for. */
  cacheKey?: string;
  /** Root filesystems that are there already, by `imageId`: a build with the same outcome links to one of them. */
  known?: ReadonlyMap<string, string>;
}

export interface BuiltImage {
  /** ext4 file in `workDir`, sparse, `diskBytes` long. */
  rootfs: string;
  container: ContainerConfig;
  /** What the root filesystem really takes on disk. */
  rootfsBytes: number;
  /** Digest of the image's configuration, which names its layers. The build's own word: compare with own ones only. */
  imageId: string;
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
const defaultMemoryBytes = 2 * 2 ** 30;
export const defaultCacheBytes = 10 * 2 ** 30;
const maxEntries = 200_000;
const maxProcesses = 4096;

export function createImageBuilder(options: ImageBuilderOptions): ImageBuilder {
  const baseImages = new BaseImages(options);
  const layers = new LayerCache(options.cacheDir, options.cacheBytes ?? defaultCacheBytes);
  return {
    async sweep() {
      await sweepBuilds(options.log);
      await layers.sweep();
    },
    async build(order) {
      const scratch = join(order.workDir, 'image-build');
      const rootfs = join(order.workDir, 'rootfs.ext4');
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch, { mode: 0o711 });
      const timeout = AbortSignal.timeout(order.timeoutMs ?? defaultTimeoutMs);
      const signal = AbortSignal.any([order.signal, timeout]);
      const started = Date.now();
      try {
        const build = new Build(options, baseImages, layers, order, scratch, rootfs, signal);
        const { container, imageId } = await build.run();
        const rootfsBytes = (await stat(rootfs)).blocks * 512;
        options.log.info('image built', { id: order.id, milliseconds: Date.now() - started, rootfsBytes });
        return { rootfs, container, rootfsBytes, imageId };
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

type Outcome = Pick<BuiltImage, 'container' | 'imageId'>;

/** The disk of a build that began with earlier layers ran full: worth another try with an empty one. */
class CacheFull extends Error {
  override readonly name = 'CacheFull';
}

class Build {
  readonly #options: ImageBuilderOptions;
  readonly #baseImages: BaseImages;
  readonly #layers: LayerCache;
  readonly #order: ImageBuildOrder;
  readonly #scratch: string;
  readonly #rootfs: string;
  readonly #signal: AbortSignal;

  constructor(
    options: ImageBuilderOptions,
    baseImages: BaseImages,
    layers: LayerCache,
    order: ImageBuildOrder,
    scratch: string,
    rootfs: string,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#baseImages = baseImages;
    this.#layers = layers;
    this.#order = order;
    this.#scratch = scratch;
    this.#rootfs = rootfs;
    this.#signal = signal;
  }

  async run(): Promise<Outcome> {
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
      return await this.#withStore(false, plan, log, slot, context);
    } catch (error) {
      if (!(error instanceof CacheFull)) throw error;
      this.#order.onLog('The layers of earlier builds leave too little disk; building again without them.');
      const again = new BuildLog(plan, this.#order.onLog);
      return await this.#withStore(true, plan, again, slot, context);
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
        await this.#baseImages.ensure(reference, this.#scratch, this.#signal, this.#order.roleArn);
      } catch (error) {
        if (!(error instanceof BaseImageUnavailable || error instanceof SquibError)) throw error;
        const text = error instanceof SquibError ? `${error.message}\n${error.remedy}` : error.message;
        for (const line of text.split('\n')) this.#order.onLog(`ERROR: ${line}`);
        throw new BuildFailed(containerBuildFailed);
      }
    }
    log.done();
  }

  /** Runs the job on a disk of its own, or on the one that earlier builds of the image have left. */
  async #withStore(
    fresh: boolean,
    plan: BuildPlan,
    log: BuildLog,
    slot: Slot,
    context: string,
  ): Promise<Outcome> {
    const { diskBytes } = this.#order;
    const { references } = plan;
    if (this.#order.cacheKey === undefined) {
      const path = join(this.#scratch, 'store.ext4');
      await makeStore(path, diskBytes);
      return this.#runJob(log, slot, context, plan, { path, warm: false });
    }
    // The store remembers names of base images that it has used, so it serves only builds on the very same ones.
    const identities = await this.#baseImages.identities(references);
    const cacheKey = JSON.stringify([this.#order.cacheKey, references, identities]);
    const store = await this.#layers.take(cacheKey, diskBytes, fresh);
    try {
      const outcome = await this.#runJob(log, slot, context, plan, store);
      await this.#layers.keep(store, cacheKey, diskBytes);
      return outcome;
    } catch (error) {
      // A step that fails leaves the layers of those before it; a killed sandbox may leave half of one.
      const whole = error instanceof BuildFailed && !log.storeWasFull && !this.#signal.aborted;
      await (whole ? this.#layers.keep(store, cacheKey, diskBytes) : this.#layers.discard(store));
      throw error;
    }
  }

  async #runJob(
    log: BuildLog,
    slot: Slot,
    context: string,
    plan: BuildPlan,
    store: LayerStore,
  ): Promise<Outcome> {
    const { diskBytes, cacheKey, known } = this.#order;
    const out = join(this.#scratch, 'out');
    await rm(out, { recursive: true, force: true });
    await mkdir(out);
    const base = join(this.#scratch, 'base');
    await rm(base, { recursive: true, force: true });
    await makeSparseFile(join(out, 'rootfs.ext4'), diskBytes, slot.firstUid);
    const code = await runInSandbox({
      tree: join(this.#options.cacheDir, 'runtime'),
      job: 'build-job.sh',
      env: {
        SQUIB_LAYERS: String(cacheKey !== undefined),
        SQUIB_KNOWN: [...(known?.keys() ?? [])].join(' '),
      },
      scratch: this.#scratch,
      out,
      binds: [
        ...(await baseView(this.#baseImages.store, plan.references, base)),
        { source: context, name: 'context' },
        { source: join(this.#scratch, 'job'), name: 'job' },
      ],
      firstUid: slot.firstUid,
      slot,
      store: store.path,
      setuid: plan.needsSetuid,
      limits: { memoryBytes: this.#order.memoryBytes ?? defaultMemoryBytes, processes: maxProcesses },
      signal: this.#signal,
      onOutput: (chunk, view) => log.push(chunk, () => view.storeIsFull()),
    });
    this.#signal.throwIfAborted();
    if (code !== 0) {
      if (store.warm && log.saidFull) throw new CacheFull();
      throw this.#failure(log, await readResult(join(out, 'step'), 100).catch(() => ''));
    }
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
  async #takeResults(out: string, log: BuildLog): Promise<Outcome> {
    const files = {
      config: await readResult(join(out, 'config.json'), 4 * 2 ** 20),
      passwd: await readResult(join(out, 'passwd'), 2 ** 20),
      group: await readResult(join(out, 'group'), 2 ** 20),
    };
    const imageId = createHash('sha256').update(files.config).digest('hex');
    const same = this.#order.known?.get(imageId);
    if (same === undefined) await takeFile(join(out, 'rootfs.ext4'), this.#rootfs, this.#order.diskBytes);
    else await link(same, this.#rootfs);
    try {
      return { container: readContainerConfig(files), imageId };
    } catch (error) {
      log.note(`ERROR: ${(error as Error).message}`);
      throw new BuildFailed(containerBuildFailed);
    }
  }
}

import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { DataLayout } from '../../config/layout.ts';
import { BuildFailed, type BuildOrder, type SnapshotBuild } from '../../control/host.ts';
import type { Engine, SnapshotSizes } from '../../engine/engine.ts';
import type { Log } from '../../log/log.ts';
import { metrics, timed } from '../../metrics/metrics.ts';
import type { LogStore, LogWriter } from '../../store/log-store.ts';
import type { ObjectSource } from '../../store/object-types.ts';
import type { SealedText } from '../../store/sealer.ts';
import type { ContainerConfig } from '../builder/container-config.ts';
import type { ImageBuilder, ImageBuildOrder } from '../builder/image-builder.ts';
import { callBuildHook } from '../hooks/build-hook.ts';
import { openLogStream } from '../log-streams.ts';
import { LiveMicrovm } from '../microvms/live-microvm.ts';
import type { UidPool } from '../microvms/uid-pool.ts';
import type { GuestNetworking, GuestSide } from '../network/guest-networking.ts';
import type { RoleRights } from '../role-rights.ts';
import { checkArtifactRole, fetchArtifact } from './artifact-source.ts';
import { containerSpec } from './container-spec.ts';
import { earlierRootfs, imageIdFile } from './earlier-rootfs.ts';
import { diskBytes, machineShape } from './machine-shape.ts';
import { untilQuiet } from './quiet.ts';

/** A cold boot takes 6 s under software emulation on an idle machine. */
const bootTimeoutMs = 180_000;
/** In a version's folder: what it was made of, to make its snapshot again. Holds environment variables: for root only. */
const buildOrderFile = 'build-order.json';
const agentTimeoutMs = 30_000;
/** An image without `/ready` that never gets quiet is snapshotted after this. */
const quietLimitMs = 60_000;

export interface BuildPipelineParts {
  layout: DataLayout;
  engine: Engine;
  builder: ImageBuilder;
  /** Where code artifacts come from, by build role. */
  artifacts: { of(buildRoleArn: string): ObjectSource };
  logs: LogStore;
  log: Log;
  uids: UidPool;
  /** Build orders are kept sealed: they hold the environment variables of images. */
  sealed: SealedText;
  /** How long the container image build of one version may take. */
  buildTimeoutMs: number;
  networking: GuestNetworking;
  /** All roles may do everything without it. */
  roles?: RoleRights;
  /** Domain of the endpoints, for the `Host` header of `/ready`. */
  domain: string;
}

/** From a code artifact to the snapshot of an image version (spec: image-build 2). */
export class BuildPipeline {
  readonly #parts: BuildPipelineParts;
  /** Build VMs of {@link rebuild}, which may be wanted before the sweep after a start. */
  readonly #rebuilding = new Set<string>();

  constructor(parts: BuildPipelineParts) {
    this.#parts = parts;
  }

  /** @throws BuildFailed with the reason that AWS shows; nothing is left behind then. */
  async build(order: BuildOrder, signal: AbortSignal): Promise<SnapshotBuild> {
    const { layout, logs, log, uids } = this.#parts;
    const scratch = layout.build(order.microvmId);
    await this.#discard(order.microvmId);
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const buildLog = openLogStream(
      logs,
      order.logging,
      {
        startedAt: Date.now(),
        imageVersion: order.imageVersion,
        microvmId: `build-${order.microvmId}`,
      },
      this.#logRole(order),
    );
    const say = (line: string) => buildLog?.write(line);
    try {
      const sizes = await timed(metrics.buildPhase, 'all', () => this.#run(order, scratch, say, signal));
      say(`squib: version ${order.imageVersion} is ready.`);
      return sizes;
    } catch (error) {
      say(`squib: ${(error as Error).message}`);
      if (!(error instanceof BuildFailed)) log.error('build', { microvmId: order.microvmId, error });
      throw error;
    } finally {
      await this.#discard(order.microvmId);
      uids.release(order.microvmId);
      await buildLog?.close();
    }
  }

  /** Whose build order it is: name and version of an image, as its folder has them. */
  #keyOf(version: string): string {
    return relative(this.#parts.layout.images, version);
  }

  /**
   * Makes the snapshot of a version once more, in `folder`, from its kept root filesystem and container.
   * @param because why, for the build log
   * @throws BuildFailed with the reason; nothing is left behind then
   */
  async rebuild(version: string, folder: string, because: string): Promise<void> {
    const { layout, logs, uids } = this.#parts;
    const kept = await readFile(join(version, buildOrderFile), 'utf8').catch((cause) => {
      const remedy = 'Make a new version of the image with UpdateMicrovmImage.';
      throw new Error(`${because} What it was made of is not there any more. ${remedy}`, { cause });
    });
    const container = JSON.parse(await readFile(join(version, 'container.json'), 'utf8')) as ContainerConfig;
    const microvmId = `microvm-${randomUUID()}`;
    const opened = this.#parts.sealed.open(kept, this.#keyOf(version));
    const order: BuildOrder = { ...(JSON.parse(opened) as BuildOrder), microvmId };
    const scratch = layout.build(microvmId);
    const of = { startedAt: Date.now(), imageVersion: order.imageVersion, microvmId: `build-${microvmId}` };
    const buildLog = openLogStream(logs, order.logging, of);
    const say = (line: string) => buildLog?.write(line);
    this.#rebuilding.add(microvmId);
    try {
      say(`squib: the snapshot of version ${order.imageVersion} is made again. ${because}`);
      const staging = join(scratch, 'version');
      await mkdir(staging, { recursive: true, mode: 0o755 });
      await link(join(version, 'rootfs.ext4'), join(staging, 'rootfs.ext4'));
      await this.#snapshot(order, container, scratch, staging, say, new AbortController().signal);
      await rename(staging, folder);
      say('squib: the snapshot was made again.');
    } catch (error) {
      say(`squib: ${(error as Error).message}`);
      throw error;
    } finally {
      this.#rebuilding.delete(microvmId);
      await this.#discard(microvmId);
      uids.release(microvmId);
      await buildLog?.close();
    }
  }

  /** Ends builds that a killed daemon left behind. */
  async sweep(): Promise<void> {
    await this.#parts.builder.sweep();
    const left = await readdir(this.#parts.layout.builds).catch(() => []);
    for (const id of left) if (!this.#rebuilding.has(id)) await this.#discard(id);
  }

  async #run(
    order: BuildOrder,
    scratch: string,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<SnapshotBuild> {
    const { layout, builder, artifacts } = this.#parts;
    const zipPath = join(scratch, 'artifact.zip');
    checkArtifactRole(order, this.#parts.roles);
    const most = diskBytes(order.minimumMemoryInMiB);
    await timed(metrics.buildPhase, 'fetch', () =>
      fetchArtifact(artifacts.of(order.buildRoleArn), order.codeArtifactUri, zipPath, most, signal),
    );
    const work = join(scratch, 'work');
    await mkdir(work);
    const buildOrder: ImageBuildOrder = {
      id: order.microvmId,
      zipPath,
      workDir: work,
      diskBytes: diskBytes(order.minimumMemoryInMiB),
      memoryBytes: machineShape(order.minimumMemoryInMiB).memoryMiB * 1024 ** 2,
      timeoutMs: this.#parts.buildTimeoutMs,
      cacheKey: order.imageArn,
      roleArn: order.buildRoleArn,
      known: await earlierRootfs(
        join(layout.images, order.imageName),
        join(scratch, 'earlier'),
        diskBytes(order.minimumMemoryInMiB),
      ),
      signal,
      onLog: say,
    };
    const image = await timed(metrics.buildPhase, 'container', () => builder.build(buildOrder));
    const codeInstall = { codeInstallSizeInBytes: roundUp(image.rootfsBytes) };

    const target = layout.version(order.imageName, order.imageVersion);
    await rm(target, { recursive: true, force: true });
    const staging = join(scratch, 'version');
    await mkdir(staging, { recursive: true, mode: 0o755 });
    await rename(image.rootfs, join(staging, 'rootfs.ext4'));

    const sizes = await timed(metrics.buildPhase, 'snapshot', () =>
      this.#snapshot(order, image.container, scratch, staging, say, signal, codeInstall),
    );
    await writeFile(join(staging, 'container.json'), JSON.stringify(image.container));
    const sealed = this.#parts.sealed.seal(JSON.stringify(order), this.#keyOf(target));
    await writeFile(join(staging, buildOrderFile), sealed, { mode: 0o600 });
    await writeFile(join(staging, imageIdFile), image.imageId);

    if (order.hooks.validate) {
      await timed(metrics.buildPhase, 'validate', () => this.#validate(order, scratch, staging, say, signal));
    }
    await mkdir(join(layout.images, order.imageName), { recursive: true, mode: 0o711 });
    await rename(staging, target);
    return {
      ...codeInstall,
      memorySnapshotSizeInBytes: roundUp(sizes.memoryBytes),
      diskSnapshotSizeInBytes: roundUp(sizes.diskBytes),
    };
  }

  /** Boots a root filesystem (in `staging`), starts the container and saves it into `staging` when it is ready. */
  async #snapshot(
    order: BuildOrder,
    container: ContainerConfig,
    scratch: string,
    staging: string,
    say: (line: string) => void,
    signal: AbortSignal,
    codeInstall: SnapshotBuild = {},
  ): Promise<SnapshotSizes> {
    say('squib: starting the container in its virtual machine');
    const live = await this.#boot(order, scratch, join(staging, 'rootfs.ext4'));
    const ended = new AbortController();
    live.onContainerExit((code) =>
      ended.abort(new BuildFailed(`Container Stopped with Exit Code: ${code}`, codeInstall)),
    );
    live.machine.exited.then(({ reason }) =>
      ended.abort(new BuildFailed(`INTERNAL_PLATFORM_ERROR: the build VM ended: ${reason}`, codeInstall)),
    );
    const stop = AbortSignal.any([signal, ended.signal]);
    try {
      await live.guest.startContainer(containerSpec(order, container));
      await this.#untilReady(order, live, stop).catch((error) => {
        throw error instanceof BuildFailed ? new BuildFailed(error.message, codeInstall) : error;
      });
      say('squib: taking the snapshot of memory and disk');
      await live.quiesce({ asSnapshot: (trouble) => say(`squib: ${trouble}`) });
    } catch (error) {
      const reason = ended.signal.aborted ? ended.signal.reason : error;
      await live.kill();
      throw reason;
    }
    const sizes = await this.#parts.engine.snapshot(live.machine, staging);
    await live.endLogs();
    return sizes;
  }

  async #boot(order: BuildOrder, scratch: string, rootfs: string): Promise<LiveMicrovm> {
    const { engine, uids, networking } = this.#parts;
    const dir = join(scratch, 'vm');
    await mkdir(dir, { mode: 0o700 });
    const tap = await networking.attach(order.microvmId);
    const side = this.#admit(order, order.microvmId);
    const machine = await engine.boot({
      id: order.microvmId,
      dir,
      uid: uids.take(order.microvmId),
      shape: machineShape(order.minimumMemoryInMiB),
      rootfs,
      tap,
    });
    const live = await this.#connect(order, order.microvmId, machine, bootTimeoutMs, side);
    await live.setNetwork();
    return live;
  }

  async #connect(
    order: BuildOrder,
    microvmId: string,
    machine: Parameters<typeof LiveMicrovm.connect>[0],
    timeoutMs: number,
    side: GuestSide,
  ): Promise<LiveMicrovm> {
    const of = { startedAt: Date.now(), imageVersion: order.imageVersion, microvmId };
    const logs: LogWriter | undefined = openLogStream(
      this.#parts.logs,
      order.logging,
      of,
      this.#logRole(order),
    );
    try {
      return await LiveMicrovm.connect(machine, logs, timeoutMs, side);
    } catch (error) {
      await machine.kill();
      await logs?.close();
      throw error;
    }
  }

  async #untilReady(order: BuildOrder, live: LiveMicrovm, signal: AbortSignal): Promise<void> {
    const { hooks } = order;
    if (hooks.ready && hooks.port !== undefined) {
      await callBuildHook({
        hook: 'ready',
        port: hooks.port,
        timeoutSeconds: hooks.ready.timeoutSeconds,
        host: this.#buildEndpoint(order),
        dial: (port) => live.dial(port),
        signal,
      });
    } else {
      await untilQuiet(live.machine.pid, quietLimitMs, signal);
    }
  }

  /** Runs `/validate` in a clone that is thrown away (spec: image-build 2, step 8). */
  async #validate(
    order: BuildOrder,
    scratch: string,
    snapshotDir: string,
    say: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { engine, uids, networking } = this.#parts;
    const { validate, port } = order.hooks;
    if (!validate || port === undefined) return;
    say('squib: calling /validate in a disposable MicroVM');
    const id = `microvm-${randomUUID()}`;
    const dir = join(scratch, 'validate');
    await mkdir(dir, { mode: 0o700 });
    try {
      const tap = await networking.attach(id);
      const side = this.#admit(order, id);
      const machine = await engine.restore({ id, dir, uid: uids.take(id), snapshotDir, tap });
      const live = await this.#connect(order, id, machine, agentTimeoutMs, side);
      try {
        await live.awaken();
        await callBuildHook({
          hook: 'validate',
          port,
          timeoutSeconds: validate.timeoutSeconds,
          host: this.#buildEndpoint(order),
          dial: (guestPort) => live.dial(guestPort),
          signal,
        });
        const bytes = await engine.recordTouched(machine);
        say(
          `squib: /validate touched ${Math.ceil(bytes / 1024 ** 2)} MiB of memory, which later starts read ahead`,
        );
      } finally {
        await live.kill();
      }
    } finally {
      uids.release(id);
      await networking.release(id);
    }
  }

  /** Decision I4: no role, so no credentials while an image is built. */
  #admit(order: BuildOrder, microvmId: string): GuestSide {
    const client = { microvmId, executionRoleArn: undefined, startedAt: Date.now() };
    return this.#parts.networking.admit(order.egress, client);
  }

  #logRole({ buildRoleArn: roleArn, imageArn }: BuildOrder) {
    return { roleArn, imageArn, rights: this.#parts.roles };
  }

  #buildEndpoint(order: BuildOrder): string {
    return `${randomUUID()}.lambda-microvm.${order.region}.${this.#parts.domain}`;
  }

  /** Ends the machines of a build and removes its scratch. */
  async #discard(microvmId: string): Promise<void> {
    const scratch = this.#parts.layout.build(microvmId);
    for (const name of ['vm', 'validate']) {
      const dir = join(scratch, name);
      const there = await stat(dir).catch(() => undefined);
      if (there) await (await this.#parts.engine.adopt({ id: microvmId, dir }))?.kill();
    }
    await rm(scratch, { recursive: true, force: true });
    await this.#parts.networking.release(microvmId);
  }
}

const roundUp = (bytes: number) => Math.ceil(bytes / 4096) * 4096;

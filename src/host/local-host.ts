import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { DataLayout } from '../config/layout.ts';
import {
  type BuildOrder,
  type CommandOrder,
  type CommandSession,
  type Host,
  MicrovmFailed,
  type MicrovmUsage,
  PortClosed,
  type Presence,
  type ShellSession,
  type SnapshotBuild,
  type StartOrder,
  type UsageCounters,
} from '../control/host.ts';
import { type Engine, type Machine, SnapshotUnfit, SuspendedDamaged, type Tap } from '../engine/engine.ts';
import type { Log } from '../log/log.ts';
import { metrics, timed } from '../metrics/metrics.ts';
import type { LogStore, LogWriter } from '../store/log-store.ts';
import type { BuildPipeline } from './builds/build-pipeline.ts';
import { readFiles, writeFiles } from './commands/copy-files.ts';
import { startCommand } from './commands/start-command.ts';
import { callLifecycleHook, type LifecycleHook } from './hooks/lifecycle-hook.ts';
import { openLogStream } from './log-streams.ts';
import { LiveMicrovm } from './microvms/live-microvm.ts';
import { setAside } from './microvms/set-aside.ts';
import type { UidPool } from './microvms/uid-pool.ts';
import {
  addCounters,
  diskUsage,
  noUsage,
  packets,
  readCounters,
  writeCounters,
} from './microvms/usage-counters.ts';
import type { GuestNetworking, GuestSide } from './network/guest-networking.ts';
import type { RoleRights } from './role-rights.ts';
import { VersionSnapshots } from './snapshots/version-snapshots.ts';
import type { Standby } from './standby/standby.ts';
import { StandbyPool } from './standby/standby-pool.ts';

/** A restored guest agent answers within milliseconds; a machine that swaps or starves may need this long. */
const agentTimeoutMs = 30_000;

/** How much later than its channel's end the end of a QEMU may be noticed. */
const exitGraceMs = 2000;

/** Lies in a MicroVM's folder from the restore until `/resume` has answered: a restarted daemon calls the hook then. */
const resumingMarker = 'resuming';

export interface LocalHostParts {
  layout: DataLayout;
  engine: Engine;
  logs: LogStore;
  log: Log;
  uids: UidPool;
  builds: BuildPipeline;
  networking: GuestNetworking;
  standby: Config['standby'];
  /** All roles may do everything without it. */
  roles?: RoleRights;
}

/** Carries the rules of `control` out on this machine. */
export class LocalHost implements Host {
  readonly #parts: LocalHostParts;
  readonly #snapshots: VersionSnapshots;
  readonly #standby: StandbyPool;
  readonly #live = new Map<string, LiveMicrovm>();
  /** What is still being given back of MicroVMs that were suspended a moment ago. */
  readonly #settling = new Map<string, Promise<void>>();
  readonly #exitListeners: ((microvmId: string, reason: string) => void)[] = [];

  constructor(parts: LocalHostParts) {
    this.#parts = parts;
    this.#snapshots = new VersionSnapshots(parts);
    this.#standby = new StandbyPool({ ...parts, settings: parts.standby });
  }

  build(order: BuildOrder, signal: AbortSignal): Promise<SnapshotBuild> {
    return this.#parts.builds.build(order, signal);
  }

  async deleteVersion(imageName: string, imageVersion: string): Promise<void> {
    await this.#standby.forget(`${imageName}/${imageVersion}`);
    await rm(this.#parts.layout.version(imageName, imageVersion), { recursive: true, force: true });
    // The image's own folder goes with its last version.
    const folder = join(this.#parts.layout.images, imageName);
    const left = await readdir(folder).catch(() => undefined);
    if (left?.length === 0) await rm(folder, { recursive: true, force: true });
  }

  async start(order: StartOrder): Promise<void> {
    const id = order.microvmId;
    if (existsSync(this.#parts.layout.microvm(id))) await this.#discard(id); // what an interrupted start left
    const version = `${order.imageName}/${order.imageVersion}`;
    const standby = order.forkPoint === undefined ? this.#standby.take(version) : undefined;
    try {
      const machine =
        (standby && (await this.#startFromStandby(order, standby))) ?? (await this.#startFromSnapshot(order));
      if (order.forkPoint === undefined && machine.snapshotDir !== undefined)
        this.#standby.started(version, machine.snapshotDir, order.egress);
      const body = JSON.stringify({ microvmId: id, runHookPayload: order.runHookPayload ?? '' }); // Decision L1
      await this.#callHook(order, 'run', body);
    } catch (error) {
      await this.#discard(id);
      throw error;
    }
  }

  async #startFromSnapshot(order: StartOrder): Promise<Machine> {
    const { engine, layout, uids, networking } = this.#parts;
    const id = order.microvmId;
    const dir = layout.microvm(id);
    await mkdir(dir, { mode: 0o700, recursive: true });
    const [snapshotDir, tap] = await Promise.all([this.#snapshotToRun(order), networking.attach(id)]);
    const side = this.#admit(order);
    const uid = uids.take(id);
    const machine = await timed(metrics.step, 'restore', () =>
      engine.restore({ id, dir, uid, snapshotDir, tap }),
    );
    metrics.starts.add(1, order.forkPoint === undefined ? 'snapshot' : 'fork');
    await this.#awaken(order, machine, side);
    return machine;
  }

  /** @returns undefined when the standby was of no use; nothing of it is left then. */
  async #startFromStandby(order: StartOrder, standby: Standby): Promise<Machine | undefined> {
    const { engine, layout, uids, networking, log } = this.#parts;
    const id = order.microvmId;
    const { machine } = standby;
    try {
      await engine.handOver(machine, { id, dir: layout.microvm(id) });
    } catch (error) {
      log.warn('standby.useless', { standby: standby.id, microvmId: id, error });
      await this.#standby.settle(standby, false);
      return undefined;
    }
    uids.pass(standby.id, id);
    networking.pass(standby.id, id);
    await this.#standby.settle(standby, true);
    try {
      await this.#goLive(order, machine, this.#admit(order), async (logs, side) => {
        const live = await LiveMicrovm.from(standby, logs, side);
        await live.awaken(standby);
        return live;
      });
      metrics.starts.add(1, 'standby');
      return machine;
    } catch (error) {
      log.warn('standby.useless', { standby: standby.id, microvmId: id, error });
      await this.#discard(id);
      return undefined;
    }
  }

  async suspend(order: StartOrder): Promise<void> {
    const { engine, log } = this.#parts;
    const live = this.#running(order.microvmId);
    try {
      await this.#callHook(order, 'suspend');
    } catch (error) {
      await this.#discard(order.microvmId);
      throw error;
    }
    this.#live.delete(order.microvmId); // from here on its end is wanted and no dial may start
    let counters: UsageCounters;
    try {
      await live.quiesce();
      counters = this.#countersOf(live);
      const saved = await engine.suspend(live.machine);
      metrics.suspendDirty.observe(saved.dirtyBytes);
      log.info('microvm.suspended', { microvmId: order.microvmId, ...saved });
    } catch (error) {
      await this.#goOn(order.microvmId, live);
      throw error;
    }
    await live.endLogs();
    this.#afterSuspend(order.microvmId, counters);
  }

  /** Gives back what a suspended MicroVM does not need; it is suspended already, and nobody waits for this. */
  #afterSuspend(microvmId: string, counters: UsageCounters): void {
    const { layout, uids, networking, log } = this.#parts;
    uids.release(microvmId);
    const settling = networking
      .release(microvmId)
      .then((traffic) => writeCounters(layout.microvm(microvmId), addCounters(counters, packets(traffic))))
      .catch((error) => log.warn('microvm.settle', { microvmId, error }))
      .finally(() => this.#settling.delete(microvmId));
    this.#settling.set(microvmId, settling);
  }

  async resume(order: StartOrder): Promise<void> {
    const { engine, layout, uids, networking } = this.#parts;
    const id = order.microvmId;
    const dir = layout.microvm(id);
    await this.#settling.get(id);
    const tap = await networking.attach(id);
    const side = this.#admit(order);
    const machine = await this.#restoreSuspended(order, tap).catch(async (error) => {
      uids.release(id);
      await networking.release(id);
      throw error;
    });
    await writeFile(join(dir, resumingMarker), '');
    // Once the machine runs, its disk moves on and the saved memory no longer fits it.
    await engine.commitResume(dir);
    try {
      await this.#awaken(order, machine, side);
      await this.#callHook(order, 'resume');
      await rm(join(dir, resumingMarker));
    } catch (error) {
      await this.#discard(id);
      throw error;
    }
  }

  async fork(order: StartOrder, forkPoint: string): Promise<void> {
    const { engine, layout, log } = this.#parts;
    const live = this.#running(order.microvmId);
    // Most of what the freeze would have to write is written before anything stands still.
    await live.guest.sync();
    await mkdir(layout.forks, { recursive: true, mode: 0o700 });
    const result = await engine.fork(live.machine, layout.fork(forkPoint), {
      freeze: () => live.guest.freeze(),
      thaw: () => live.goOn(),
    });
    log.info('microvm.forked', { microvmId: order.microvmId, forkPoint, ...result });
  }

  async deleteFork(forkPoint: string): Promise<void> {
    await rm(this.#parts.layout.fork(forkPoint), { recursive: true, force: true });
  }

  async terminate(order: StartOrder): Promise<void> {
    if (this.#live.has(order.microvmId)) {
      await this.#callHook(order, 'terminate').catch((error) =>
        this.#parts.log.warn('hook.terminate', { microvmId: order.microvmId, error }),
      );
    }
    await this.#discard(order.microvmId);
  }

  async inspect(order: StartOrder): Promise<Presence> {
    const { engine, layout, uids, log } = this.#parts;
    const id = order.microvmId;
    const dir = layout.microvm(id);
    if (this.#live.has(id)) return 'running';
    if (!existsSync(dir)) return 'gone';
    const machine = await engine.adopt({ id, dir });
    // Saved state is removed before its machine runs again, so where it exists the machine has not moved on.
    if (existsSync(join(dir, 'suspended', 'manifest.json'))) {
      await machine?.kill();
      await this.#parts.networking.release(id); // a crash may have come before
      return 'suspended';
    }
    if (!machine) return 'gone';
    try {
      uids.adopt(id, machine.uid);
      await this.#awaken(order, machine, this.#admit(order), 'adopted');
      if (existsSync(join(dir, resumingMarker))) {
        await this.#callHook(order, 'resume');
        await rm(join(dir, resumingMarker));
      }
      return 'running';
    } catch (error) {
      log.warn('microvm.adopt', { microvmId: id, error });
      await machine.kill();
      await this.#discard(id);
      return 'gone';
    }
  }

  async usage(microvmId: string, o: { dirty?: boolean } = {}): Promise<MicrovmUsage | undefined> {
    const { engine, layout, networking } = this.#parts;
    const dir = layout.microvm(microvmId);
    await this.#settling.get(microvmId);
    const live = this.#live.get(microvmId);
    const diskBytes = await diskUsage(dir);
    if (diskBytes === undefined) return undefined;
    if (!live) return { ...(await readCounters(dir)), residentBytes: 0, ownBytes: 0, diskBytes };
    try {
      const traffic = await networking.traffic(microvmId);
      const { shape, residentBytes, ownBytes } = engine.usage(live.machine);
      return {
        ...addCounters(this.#countersOf(live), packets(traffic)),
        ...{ vcpus: shape.vcpus, memoryBytes: shape.memoryMiB * 1024 ** 2 },
        ...{ residentBytes, ownBytes, diskBytes },
        ...(o.dirty && { dirtyBytes: await engine.dirtyBytes(live.machine) }),
      };
    } catch (error) {
      // It ended or was suspended under the look at it: then that is the answer.
      if (this.#live.get(microvmId) === live) throw error;
      return this.usage(microvmId, o);
    }
  }

  async sweep(
    microvmIds: ReadonlySet<string>,
    versions: ReadonlySet<`${string}/${string}`>,
    forkPoints: ReadonlySet<string>,
  ): Promise<void> {
    const { layout, builds, log } = this.#parts;
    await builds.sweep();
    await this.#parts.networking.retain(new Set([...microvmIds, ...this.#standby.ids]));
    for (const id of await listFolder(layout.microvms)) {
      if (microvmIds.has(id)) continue;
      log.info('sweep.microvm', { microvmId: id });
      await this.#discard(id);
    }
    for (const forkPoint of await listFolder(layout.forks)) {
      if (!forkPoints.has(forkPoint)) await this.deleteFork(forkPoint);
    }
    for (const image of await listFolder(layout.images)) {
      for (const version of await listFolder(join(layout.images, image))) {
        if (versions.has(`${image}/${version}`)) continue;
        log.info('sweep.version', { image, version });
        await this.deleteVersion(image, version);
      }
    }
  }

  async dial(microvmId: string, port: number): Promise<Duplex> {
    const live = this.#live.get(microvmId);
    if (!live) throw new PortClosed(`MicroVM ${microvmId} does not run`);
    return live.dial(port, live.endpoint);
  }

  async openShell(microvmId: string): Promise<ShellSession> {
    return this.#running(microvmId).openShell();
  }

  /** Machines restored ahead that wait for a start. */
  get standbys(): number {
    return this.#standby.ready;
  }

  /** Ends the standbys of an earlier run, before anybody gets their wires; once, before anything else. */
  begin(): Promise<void> {
    return this.#standby.sweep();
  }

  /** Ends what is nobody's; MicroVMs run on. */
  async close(): Promise<void> {
    await this.#standby.close();
    await Promise.all(this.#settling.values());
  }

  exec(microvmId: string, order: CommandOrder): Promise<CommandSession> {
    return startCommand(this.#running(microvmId), order);
  }

  readFiles(microvmId: string, path: string): Promise<Readable> {
    return readFiles(this.#running(microvmId), path);
  }

  writeFiles(microvmId: string, path: string, tar: Readable): Promise<void> {
    return writeFiles(this.#running(microvmId), path, tar);
  }

  onExit(listener: (microvmId: string, reason: string) => void): void {
    this.#exitListeners.push(listener);
  }

  async #snapshotToRun(order: StartOrder): Promise<string> {
    if (order.forkPoint !== undefined) return this.#parts.layout.fork(order.forkPoint);
    return this.#snapshots.toRun(order.imageName, order.imageVersion);
  }

  /** @throws MicrovmFailed when what was saved is damaged; its files are set aside then. */
  async #restoreSuspended(order: StartOrder, tap: Tap): Promise<Machine> {
    const { engine, layout, uids, log } = this.#parts;
    const id = order.microvmId;
    const dir = layout.microvm(id);
    try {
      const candidates =
        order.forkPoint === undefined
          ? await this.#snapshots.all(order.imageName, order.imageVersion)
          : [layout.fork(order.forkPoint)];
      const snapshotDir = await engine.snapshotBelow(dir, candidates);
      const uid = uids.take(id);
      return await timed(metrics.step, 'restore', () => engine.resume({ id, dir, uid, snapshotDir, tap }));
    } catch (error) {
      if (error instanceof SnapshotUnfit) {
        const remedy = 'It stays suspended and can be resumed where it fits.';
        throw new Error(`Its saved state does not fit this host. ${error.message} ${remedy}`, {
          cause: error,
        });
      }
      if (!(error instanceof SuspendedDamaged)) throw error;
      const kept = await setAside(dir, layout.damaged, id);
      log.error('microvm.damaged', { microvmId: id, kept, error });
      // Paths of this host are not for everybody who may see the MicroVM.
      const detail = error.message.replaceAll(`${dir}/`, '');
      throw new MicrovmFailed(`The saved state of the MicroVM is damaged: ${detail}`);
    }
  }

  #running(microvmId: string): LiveMicrovm {
    const live = this.#live.get(microvmId);
    if (!live) throw new MicrovmFailed(`The machine of MicroVM ${microvmId} is gone.`);
    return live;
  }

  #admit({ egress, microvmId, executionRoleArn, startedAt }: StartOrder): GuestSide {
    return this.#parts.networking.admit(egress, { microvmId, executionRoleArn, startedAt });
  }

  /** What was counted for a machine that runs, but for its packets, which the network knows. */
  #countersOf({ machine, earlier, endpoint }: LiveMicrovm): UsageCounters {
    const { cpuSeconds } = this.#parts.engine.usage(machine);
    const { toGuest, fromGuest } = endpoint;
    return addCounters(earlier, {
      ...noUsage,
      ...{ cpuSeconds, endpointReceivedBytes: toGuest, endpointSentBytes: fromGuest },
    });
  }

  /** Connects, sets clock and entropy, lets the container run, and watches for its end. */
  async #awaken(
    order: StartOrder,
    machine: Machine,
    side: GuestSide,
    how: 'restored' | 'adopted' = 'restored',
  ): Promise<void> {
    await this.#goLive(order, machine, side, async (logs) => {
      const earlier = await readCounters(this.#parts.layout.microvm(order.microvmId));
      const live = await LiveMicrovm.connect(machine, logs, agentTimeoutMs, side, earlier);
      await (how === 'restored' ? live.awaken() : live.takeOver());
      return live;
    });
  }

  /** The MicroVM is live when `connect` resolves; where it does not, its machine is gone. */
  async #goLive(
    order: StartOrder,
    machine: Machine,
    side: GuestSide,
    connect: (logs: LogWriter | undefined, side: GuestSide) => Promise<LiveMicrovm>,
  ): Promise<void> {
    const { executionRoleArn: roleArn, imageArn } = order;
    const role = { roleArn, imageArn, rights: this.#parts.roles };
    const logs = openLogStream(this.#parts.logs, order.logging, order, role);
    let live: LiveMicrovm;
    try {
      live = await connect(logs, side);
    } catch (error) {
      await machine.kill();
      await logs?.close();
      throw error;
    }
    this.#watch(order.microvmId, live);
  }

  /** Lets a machine that could not be saved run on; where even that fails, it is gone and `inspect` says so. */
  async #goOn(microvmId: string, live: LiveMicrovm): Promise<void> {
    try {
      await live.reconnect(agentTimeoutMs);
      this.#watch(microvmId, live);
    } catch (error) {
      this.#parts.log.error('microvm.lost', { microvmId, error });
      await live.kill();
    }
  }

  #watch(microvmId: string, live: LiveMicrovm): void {
    this.#live.set(microvmId, live);
    const ended = async (reason: string) => {
      if (this.#live.get(microvmId) !== live) return; // suspended, terminated, or already reported
      await this.#discard(microvmId);
      for (const listener of this.#exitListeners) listener(microvmId, reason);
    };
    const report = (reason: string) => {
      ended(reason).catch((error) => this.#parts.log.error('microvm.exit', { microvmId, error }));
    };
    live.onContainerExit((code) => report(`Container Stopped with Exit Code: ${code}`));
    live.machine.exited.then(({ reason }) => report(`The virtual machine ended unexpectedly: ${reason}`));
    live.guest.closed.then(async (lost) => {
      if (!lost) return;
      // The channel also breaks when QEMU ends, and then that is the reason.
      await Promise.race([live.machine.exited, sleep(exitGraceMs, undefined, { ref: false })]);
      report(`The guest agent was lost: ${lost.message}`);
    });
  }

  async #callHook(order: StartOrder, hook: LifecycleHook, body?: string): Promise<void> {
    const settings = order.hooks[hook];
    if (!settings || order.hooks.port === undefined) return;
    const live = this.#running(order.microvmId);
    const ended = new Promise<never>((_, reject) => {
      const fail = (reason: string) => reject(new MicrovmFailed(reason));
      live.onContainerExit((code) => fail(`Container Stopped with Exit Code: ${code}`));
      live.machine.exited.then(({ reason }) => fail(`The virtual machine ended unexpectedly: ${reason}`));
    });
    ended.catch(() => {}); // most hooks are long over by then
    const call = callLifecycleHook({
      hook,
      port: order.hooks.port,
      timeoutSeconds: settings.timeoutSeconds,
      dial: (port) => live.dial(port),
      ...(body !== undefined && { body }),
    });
    await Promise.race([call, ended]);
  }

  /** Ends whatever runs for this id and removes its files; nothing is left afterwards. */
  async #discard(microvmId: string): Promise<void> {
    const { engine, layout, uids, networking } = this.#parts;
    const dir = layout.microvm(microvmId);
    await this.#settling.get(microvmId);
    const live = this.#live.get(microvmId);
    this.#live.delete(microvmId);
    if (live) await live.kill();
    else if (existsSync(dir)) await (await engine.adopt({ id: microvmId, dir }))?.kill();
    await rm(dir, { recursive: true, force: true });
    uids.release(microvmId);
    await networking.release(microvmId);
  }
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

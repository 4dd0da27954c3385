import { availableParallelism, totalmem } from 'node:os';
import type { Log } from '../log/log.ts';
import { chooseAccelerator } from './accelerator.ts';
import { adopt } from './adopt.ts';
import { type BootOrder, boot } from './boot.ts';
import type { EngineContext } from './engine-context.ts';
import { MachineFailed, SnapshotDamaged } from './errors.ts';
import { circumstances } from './fit.ts';
import { type Around, type ForkResult, fork } from './fork.ts';
import { handOver } from './hand-over.ts';
import type { RestoreOrder } from './incoming.ts';
import { type Machine, QemuMachine } from './machine.ts';
import { type LimitSettings, MachineGroups } from './machine-limits.ts';
import { machineFiles } from './machine-record.ts';
import { Prefetcher, recordTouched } from './prefetch.ts';
import { restore } from './restore.ts';
import { commitResume, resume } from './resume.ts';
import { snapshot } from './snapshot.ts';
import { checkSnapshot, readManifest, type SnapshotSizes } from './snapshot-manifest.ts';
import { type SuspendSizes, suspend } from './suspend.ts';
import { readSuspended } from './suspended-manifest.ts';
import { dirtyBytes, type MachineUsage, usage } from './usage.ts';

export { MachineFailed, SnapshotDamaged, SnapshotUnfit, SuspendedDamaged } from './errors.ts';
export type { Around, ForkResult } from './fork.ts';
export type { Tap } from './launch.ts';
export type { Machine } from './machine.ts';
export type { LimitSettings } from './machine-limits.ts';
export type { MachineShape } from './machine-record.ts';
export type { SnapshotSizes } from './snapshot-manifest.ts';
export type { SuspendSizes } from './suspend.ts';
export type { MachineUsage } from './usage.ts';

export interface EngineOptions {
  cacheDir: string;
  log: Log;
  /** `auto` uses KVM where the guest kernel really runs under it. */
  accelerator: 'auto' | 'kvm' | 'tcg';
  /** Without it machines use what they want. `name`: of the control group above those of the machines. */
  groups?: { name: string; settings: LimitSettings };
}

/** Runs virtual machines. All methods throw {@link MachineFailed} when QEMU fails, and leave no process behind then. */
export interface Engine {
  readonly accelerator: 'kvm' | 'tcg';
  /** Why that accelerator, in words. */
  readonly accelerationReason: string;
  /** Starts a machine from nothing; it runs at once. Its memory and disk live in `dir`. */
  boot(o: BootOrder): Promise<Machine>;
  /** Turns a booted machine, whose channel the caller has closed, into a snapshot. The machine is gone afterwards. */
  snapshot(machine: Machine, snapshotDir: string): Promise<SnapshotSizes>;
  /** Throws {@link SnapshotDamaged} or {@link SnapshotUnfit} when `restore` would. */
  checkSnapshot(snapshotDir: string): Promise<void>;
  /** A new machine from a snapshot; paused: call `run()`. Throws {@link SnapshotDamaged}, {@link SnapshotUnfit}. */
  restore(o: RestoreOrder): Promise<Machine>;
  /**
   * Keeps with the snapshot which of its pages a restored machine has touched: later ones read them ahead.
   * @returns their bytes
   */
  recordTouched(machine: Machine): Promise<number>;
  /** Writes a restored machine to `dir/suspended` and ends its process; on failure it goes on as before. */
  suspend(machine: Machine): Promise<SuspendSizes>;
  /** Makes a snapshot of a restored machine that runs, and goes on running. */
  fork(machine: Machine, snapshotDir: string, around: Around): Promise<ForkResult>;
  /** That of `snapshotDirs` on which the machine suspended in `dir` was. Throws {@link SnapshotDamaged}. */
  snapshotBelow(dir: string, snapshotDirs: readonly string[]): Promise<string>;
  /**
   * A machine from `dir/suspended`; paused: call `run()`. Throws {@link SuspendedDamaged} for its own files,
   * {@link SnapshotDamaged} for the snapshot's, {@link SnapshotUnfit}.
   */
  resume(o: RestoreOrder): Promise<Machine>;
  /** Gives up `dir/suspended` for the resumed machine; to be called before `run()`. */
  commitResume(dir: string): Promise<void>;
  /** What the process of a machine takes of this host. Throws the system's error when it is gone. */
  usage(machine: Machine): MachineUsage;
  /** How much of a machine's memory differs from its snapshot; takes milliseconds for every GiB of the guest. */
  dirtyBytes(machine: Machine): Promise<number>;
  /** The machine that still runs in `dir`, started by an earlier process; it may be paused. Else undefined. */
  adopt(o: { id?: string; dir: string }): Promise<Machine | undefined>;
  /** Gives a machine another id and, at the same moment, another folder, which must be missing or empty. */
  handOver(machine: Machine, to: { id: string; dir: string }): Promise<void>;
  /** Machines run on; what was made for them goes when there are none. */
  close(): Promise<void>;
}

/**
 * Needs the set-up to have been run. Tries KVM unless told otherwise, once per host kernel and runtime tree (seconds).
 * @throws SquibError when KVM is demanded and does not work.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { accelerator, reason } = await chooseAccelerator(options);
  const context: EngineContext = {
    ...{ cacheDir: options.cacheDir, log: options.log, accelerator, prefetcher: new Prefetcher() },
    circumstances: await circumstances(options.cacheDir, accelerator),
    diskBytesPerSecond: (options.groups?.settings.diskMiBPerSecond ?? 0) * 1024 ** 2,
    ...(options.groups && { groups: await openGroups(options.groups) }),
  };
  options.log.info('engine ready', { reason, ...context.circumstances });
  return {
    accelerator,
    accelerationReason: reason,
    boot: (o) => boot(context, o),
    snapshot: (machine, snapshotDir) => snapshot(context, own(machine), snapshotDir),
    checkSnapshot: async (snapshotDir) => void (await checkSnapshot(context, snapshotDir)),
    restore: (o) => restore(context, o),
    recordTouched: (machine) => recordTouched(own(machine)),
    suspend: (machine) => suspend(own(machine)),
    fork: (machine, snapshotDir, around) => fork(own(machine), snapshotDir, around),
    snapshotBelow,
    resume: (o) => resume(context, o),
    commitResume: (dir) => commitResume(context, dir),
    usage: (machine) => usage(own(machine)),
    dirtyBytes: (machine) => dirtyBytes(own(machine)),
    adopt: (o) => adopt(context, o),
    close: async () => context.groups?.close(),
    handOver: (machine, to) => handOver(own(machine), to),
  };
}

function openGroups({ name, settings }: NonNullable<EngineOptions['groups']>): Promise<MachineGroups> {
  return MachineGroups.open(name, { memoryBytes: totalmem(), processors: availableParallelism() }, settings);
}

async function snapshotBelow(dir: string, snapshotDirs: readonly string[]): Promise<string> {
  const { snapshotId } = await readSuspended(machineFiles(dir).suspended);
  for (const each of snapshotDirs) {
    const manifest = await readManifest(each).catch(() => undefined);
    if (manifest?.id === snapshotId) return each;
  }
  throw new SnapshotDamaged('The snapshot that the machine was suspended on is not there.');
}

function own(machine: Machine): QemuMachine {
  if (machine instanceof QemuMachine) return machine;
  throw new MachineFailed(`${machine.id} is not a machine of this engine.`);
}

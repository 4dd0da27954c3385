import type { Log } from '../log/log.ts';
import { chooseAccelerator } from './accelerator.ts';
import { adopt } from './adopt.ts';
import { type BootOrder, boot } from './boot.ts';
import type { EngineContext } from './engine-context.ts';
import { MachineFailed } from './errors.ts';
import type { RestoreOrder } from './incoming.ts';
import { type Machine, QemuMachine } from './machine.ts';
import { restore } from './restore.ts';
import { commitResume, resume } from './resume.ts';
import { snapshot } from './snapshot.ts';
import type { SnapshotSizes } from './snapshot-manifest.ts';
import { type SuspendSizes, suspend } from './suspend.ts';

export { MachineFailed, SnapshotDamaged } from './errors.ts';
export type { Machine } from './machine.ts';
export type { MachineShape } from './machine-record.ts';
export type { SnapshotSizes } from './snapshot-manifest.ts';
export type { SuspendSizes } from './suspend.ts';

export interface EngineOptions {
  cacheDir: string;
  log: Log;
  /** `auto` uses KVM where the guest kernel really runs under it. */
  accelerator: 'auto' | 'kvm' | 'tcg';
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
  /** A new machine from a snapshot; paused: call `run()`. Throws {@link SnapshotDamaged}. */
  restore(o: RestoreOrder): Promise<Machine>;
  /** Writes a restored machine to `dir/suspended` and ends its process; on failure it goes on as before. */
  suspend(machine: Machine): Promise<SuspendSizes>;
  /** A machine from `dir/suspended`; paused: call `run()`. Throws {@link SnapshotDamaged}. */
  resume(o: RestoreOrder): Promise<Machine>;
  /** Gives up `dir/suspended` for the resumed machine; to be called before `run()`. */
  commitResume(dir: string): Promise<void>;
  /** The machine that still runs in `dir`, started by an earlier process; it may be paused. Else undefined. */
  adopt(o: { id: string; dir: string }): Promise<Machine | undefined>;
}

/**
 * Needs the set-up to have been run. Tries KVM unless told otherwise, once per host kernel and runtime tree (seconds).
 * @throws SquibError when KVM is demanded and does not work.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { accelerator, reason } = await chooseAccelerator(options);
  const context: EngineContext = { cacheDir: options.cacheDir, log: options.log, accelerator };
  options.log.info('engine ready', { accelerator, reason });
  return {
    accelerator,
    accelerationReason: reason,
    boot: (o) => boot(context, o),
    snapshot: (machine, snapshotDir) => snapshot(context, own(machine), snapshotDir),
    restore: (o) => restore(context, o),
    suspend: (machine) => suspend(own(machine)),
    resume: (o) => resume(context, o),
    commitResume: (dir) => commitResume(context, dir),
    adopt,
  };
}

function own(machine: Machine): QemuMachine {
  if (machine instanceof QemuMachine) return machine;
  throw new MachineFailed(`${machine.id} is not a machine of this engine.`);
}

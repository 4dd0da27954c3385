import { join } from 'node:path';
import { ControlGroup } from '../control-groups/control-group.ts';
import { diskDevice } from '../control-groups/disk-device.ts';
import { type Layout, readLayout } from '../control-groups/layout.ts';
import type { Limits } from '../control-groups/limits.ts';
import type { MachineShape } from './machine-record.ts';

const MiB = 1024 ** 2;
/** How much more than one ordinary process all machines together weigh on each processor. */
const shareOfAll = 4;

/** What the QEMU of one machine may use besides what its guest sees. */
export interface LimitSettings {
  /** Processors' worth of time for its own threads (disk, network, channel). */
  extraProcessors: number;
  /** Memory of its own: translated code, caches of the disk, page tables. */
  extraMemoryMiB: number;
  /** Threads of one QEMU. */
  threads: number;
  /** Disk traffic of one machine in each direction; 0 is no limit. */
  diskMiBPerSecond: number;
  /** Memory of the host that all machines together leave alone. */
  reservedMemoryMiB: number;
}

/** What a machine may use: what its guest sees, and what QEMU needs for that. */
export function machineLimits(shape: MachineShape, o: LimitSettings, device: string | undefined): Limits {
  return {
    processors: shape.vcpus + o.extraProcessors,
    share: shape.vcpus,
    memoryBytes: (shape.memoryMiB + o.extraMemoryMiB) * MiB,
    processes: o.threads,
    ...(device !== undefined &&
      o.diskMiBPerSecond > 0 && { disk: { device, bytesPerSecond: o.diskMiBPerSecond * MiB } }),
  };
}

/** What all machines may use together, so that the host itself goes on whatever they do. */
export function limitsOfAll(host: { memoryBytes: number; processors: number }, o: LimitSettings): Limits {
  // A host smaller than the reserve keeps a quarter for itself.
  const reserve = Math.min(o.reservedMemoryMiB * MiB, host.memoryBytes / 4);
  return {
    memoryBytes: Math.floor((host.memoryBytes - reserve) / MiB) * MiB,
    share: host.processors * shareOfAll,
  };
}

/**
 * Control groups: one for all machines of an engine and one below it for each. They are found again by their names, so
 * that a machine's outlives the daemon as its process does.
 */
export class MachineGroups {
  readonly #all: ControlGroup;
  readonly #layout: Layout;
  readonly #settings: LimitSettings;

  private constructor(all: ControlGroup, layout: Layout, settings: LimitSettings) {
    this.#all = all;
    this.#layout = layout;
    this.#settings = settings;
  }

  /** @param name of the group of all; nobody else's. What machines that are gone left below it is removed. */
  static async open(
    name: string,
    host: { memoryBytes: number; processors: number },
    settings: LimitSettings,
  ): Promise<MachineGroups> {
    const layout = await readLayout();
    const all = await ControlGroup.make(name, limitsOfAll(host, settings), layout);
    await all.sweep();
    return new MachineGroups(all, layout, settings);
  }

  make(id: string, shape: MachineShape, dir: string): Promise<ControlGroup> {
    const limits = machineLimits(shape, this.#settings, diskDevice(dir));
    return ControlGroup.make(join(this.#all.name, id), limits, this.#layout);
  }

  /** That of a machine which an earlier process started. */
  of(id: string): ControlGroup {
    return ControlGroup.at(join(this.#all.name, id), this.#layout);
  }

  /** Removes the group of all unless machines run on. */
  async close(): Promise<void> {
    await this.#all.sweep();
    await this.#all.remove(1);
  }
}

import { readFileSync } from 'node:fs';
import { findDirtyPages, findMapping, PAGE } from './dirty-pages.ts';
import type { QemuMachine } from './machine.ts';
import type { MachineShape } from './machine-record.ts';
import { snapshotFiles } from './snapshot-manifest.ts';

/** Clock ticks a second in /proc, the same on every Linux. */
const ticksPerSecond = 100;

/** What a machine's process takes of this host. */
export interface MachineUsage {
  shape: MachineShape;
  /** Processor time since the process started: the guest's and QEMU's own, in seconds. */
  cpuSeconds: number;
  /** Memory that is in RAM, with the pages of the snapshot that all its clones share. */
  residentBytes: number;
  /** Memory that no other machine shares, in RAM or swapped out: what it costs. */
  ownBytes: number;
}

/** A few reads of /proc. @throws the system's error when the process is gone */
export function usage(machine: QemuMachine): MachineUsage {
  const stat = readFileSync(`/proc/${machine.pid}/stat`, 'utf8');
  // Field 2 may hold anything; fields 14 and 15 are the times in user and system mode.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${machine.pid}/status`, 'utf8');
  const bytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return {
    shape: machine.record.shape,
    cpuSeconds: (Number(fields[14 - 3]) + Number(fields[15 - 3])) / ticksPerSecond,
    residentBytes: bytes('VmRSS'),
    ownBytes: bytes('RssAnon') + bytes('VmSwap'),
  };
}

/**
 * Guest memory that differs from the snapshot: about what a suspend would write. Reads 2 MiB of page map for every GiB of the
 * guest, so it is for whoever asks and not for every second.
 */
export async function dirtyBytes(machine: QemuMachine): Promise<number> {
  const { snapshotDir } = machine.record;
  if (snapshotDir === undefined) return 0;
  const mapping = await findMapping(machine.pid, snapshotFiles(snapshotDir).memory);
  const runs = await findDirtyPages(machine.pid, mapping);
  return PAGE * runs.reduce((sum, run) => sum + run.count, 0);
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostBootId, isAlive, type ProcessIdentity, readPidFile } from './process-identity.ts';

/** What the guest sees. */
export interface MachineShape {
  vcpus: number;
  memoryMiB: number;
}

/** `machine.json`: what must be known about a running machine besides its process. */
export interface MachineRecord {
  id: string;
  uid: number;
  shape: MachineShape;
  /** Name of its control group: the id that it was started with. */
  group?: string;
  /** The host's boot in which the machine was started. */
  hostBoot: string;
  /** Read-only root filesystem below the machine's disk. */
  rootfs: string;
  /** Snapshot that the machine was restored from; absent while an image is built. */
  snapshotDir?: string;
}

/** Files of a machine, all in its folder. The folder belongs to root; QEMU sees only the files it is given. */
export function machineFiles(dir: string) {
  return {
    record: join(dir, 'machine.json'),
    pid: join(dir, 'pid'),
    qmp: join(dir, 'qmp.sock'),
    channel: join(dir, 'channel.sock'),
    disk: join(dir, 'disk.qcow2'),
    /** Only of a machine that was booted: its memory itself. */
    memory: join(dir, 'memory'),
    /** Where QEMU writes device state. */
    devices: join(dir, 'devices'),
    /** Device state that a resume reads instead of what was saved. */
    incoming: join(dir, 'incoming'),
    suspended: join(dir, 'suspended'),
    /** What was resumed from, until it is removed. */
    suspendedOld: join(dir, 'suspended.old'),
  };
}

/** Written before the process starts. Not synced: after a power cut no machine runs that it could describe. */
export async function writeRecord(
  dir: string,
  record: Omit<MachineRecord, 'hostBoot' | 'group'>,
): Promise<MachineRecord> {
  const full = { ...record, group: record.id, hostBoot: hostBootId() };
  await writeFile(machineFiles(dir).record, `${JSON.stringify(full, null, 2)}\n`, { mode: 0o600 });
  return full;
}

/** The process that runs the machine in `dir`, if it lives. */
export async function findProcess(
  dir: string,
): Promise<{ record: MachineRecord; process: ProcessIdentity } | undefined> {
  const files = machineFiles(dir);
  let record: MachineRecord;
  try {
    record = JSON.parse(await readFile(files.record, 'utf8'));
  } catch {
    return undefined; // No record, or one that a crash cut short: it is written before any process starts.
  }
  const process = readPidFile(files.pid);
  if (!process || record.hostBoot !== hostBootId() || !isAlive(process)) return undefined;
  return { record, process };
}

import { chmod, mkdir, open, rm } from 'node:fs/promises';
import { saveDevices } from './device-state.ts';
import { findDirtyPages, findMapping, openProcessMemory, PAGE } from './dirty-pages.ts';
import { renameDurably, sync } from './durable.ts';
import { MachineFailed } from './errors.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import { type FileSum, writePages } from './pages-file.ts';
import { readManifest, snapshotFiles } from './snapshot-manifest.ts';
import { diskState, encodeSuspended, suspendedFiles } from './suspended-manifest.ts';

export interface SuspendSizes {
  /** Memory that differs from the snapshot. */
  dirtyBytes: number;
  /** Everything written for this suspend. */
  writtenBytes: number;
}

/**
 * Writes what a restored machine changed since its snapshot to `dir/suspended` and ends its process. The files are
 * durable before the process ends; they appear under their name all at once.
 * On any failure the machine goes on as before and nothing is left of the attempt.
 * @throws MachineFailed, or the system's error such as ENOSPC.
 */
export async function suspend(machine: QemuMachine): Promise<SuspendSizes> {
  const { suspended, suspendedOld } = machineFiles(machine.dir);
  const fresh = `${suspended}.new`;
  const before = machine.qmp.execute('query-status') as Promise<{ running: boolean }>;
  await Promise.all([before, machine.pause()]);
  const stoppedAt = Date.now();
  let sizes: SuspendSizes;
  try {
    for (const left of [fresh, suspendedOld]) await rm(left, { recursive: true, force: true });
    await mkdir(fresh, { mode: 0o700 });
    sizes = await writeState(machine, fresh, stoppedAt);
    await rm(suspended, { recursive: true, force: true });
    await renameDurably(fresh, suspended);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if ((await before).running) await machine.run();
    throw error;
  }
  await machine.kill();
  return sizes;
}

async function writeState(machine: QemuMachine, folder: string, stoppedAt: number): Promise<SuspendSizes> {
  const { snapshotDir } = machine.record;
  if (!snapshotDir) throw new MachineFailed('Only a machine restored from a snapshot can be suspended.');
  const files = suspendedFiles(folder);
  const { disk } = machineFiles(machine.dir);
  const { id, madeWith } = await readManifest(snapshotDir);
  const mapping = await findMapping(machine.pid, snapshotFiles(snapshotDir).memory);
  const [devices, runs, qemuVersion] = await Promise.all([
    saveDevices(machine),
    findDirtyPages(machine.pid, mapping),
    machine.qemuVersion(),
  ]);
  const memory = openProcessMemory(machine.pid, 'r');
  // All have ended, well or badly, before anything is closed or removed under them.
  const written = await Promise.allSettled([
    writePages(files.pages, runs, memory.fd, mapping.address),
    writeSynced(files.devices, devices.content),
    // Stopping the machine made QEMU write out what it held of the disk (machine-arguments.ts: no-flush).
    sync(disk),
  ]);
  memory.close();
  for (const part of written) if (part.status === 'rejected') throw part.reason;
  const pages = (written[0] as PromiseFulfilledResult<FileSum>).value;
  await chmod(files.devices, 0o444); // read by QEMU's user when resumed
  const dirtyBytes = PAGE * runs.reduce((sum, run) => sum + run.count, 0);
  const manifest = encodeSuspended({
    snapshotId: id,
    madeWith: { ...madeWith, qemuVersion },
    stoppedAt,
    dirtyBytes,
    pages,
    devices: { bytes: devices.content.length, crc32: devices.crc32 },
    disk: await diskState(disk),
  });
  await writeSynced(files.manifest, manifest);
  await sync(folder);
  return { dirtyBytes, writtenBytes: pages.bytes + devices.content.length + manifest.length };
}

async function writeSynced(path: string, content: string | Buffer): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

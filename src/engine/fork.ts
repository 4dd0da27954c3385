import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, constants, copyFile, link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { saveDevices } from './device-state.ts';
import { findDirtyPages, findMapping, openProcessMemory, PAGE } from './dirty-pages.ts';
import { renameDurably, sync, writeDurably } from './durable.ts';
import { MachineFailed } from './errors.ts';
import type { QemuMachine } from './machine.ts';
import { MOST_OVERLAYS, overlayName } from './machine-arguments.ts';
import { machineFiles } from './machine-record.ts';
import { copyPages } from './pages-file.ts';
import { newManifest, readManifest, snapshotFiles } from './snapshot-manifest.ts';

/** What happens in the guest around the moment that is kept. Both are called at most once, in this order. */
export interface Around {
  /** Stops the container, so that in a copy nothing of it runs before the copy has its own time and randomness. */
  freeze(): Promise<void>;
  /** Called after `freeze` whatever happened; the machine runs again then. */
  thaw(): Promise<void>;
}

export interface ForkResult {
  /** Memory that differed from the snapshot. */
  dirtyBytes: number;
  /** How long the container stood still. */
  pausedMs: number;
}

/**
 * Makes a snapshot of a running machine, which goes on afterwards, also when this fails. The snapshot needs nothing of
 * the machine or of its own snapshot: memory is copied before the machine stops, and only what it changed while it
 * stands still; the read-only disks below are hard links. The folder appears under its name complete, all at once.
 * @throws MachineFailed, or the system's error such as ENOSPC; nothing is left of the attempt then.
 */
export async function fork(machine: QemuMachine, snapshotDir: string, around: Around): Promise<ForkResult> {
  const parentDir = machine.record.snapshotDir;
  if (!parentDir) throw new MachineFailed('Only a machine restored from a snapshot can be forked.');
  const fresh = `${snapshotDir}.new`;
  await rm(fresh, { recursive: true, force: true });
  try {
    await mkdir(fresh, { mode: 0o711 });
    const result = await write(machine, parentDir, fresh, around);
    await renameDurably(fresh, snapshotDir);
    return result;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

async function write(
  machine: QemuMachine,
  parentDir: string,
  fresh: string,
  around: Around,
): Promise<ForkResult> {
  const parent = snapshotFiles(parentDir);
  const files = snapshotFiles(fresh);
  const below = await readManifest(parentDir);
  const disks = [...below.disks.map(({ name }) => join(parentDir, name)), machineFiles(machine.dir).disk];
  const names = disks.map((_, level) => overlayName(level));
  if (disks.length > MOST_OVERLAYS)
    throw new MachineFailed(
      `A fork of a fork can be forked again, but no more than ${MOST_OVERLAYS - 1} times.`,
    );
  await promisify(execFile)('cp', ['--reflink=auto', '--sparse=auto', parent.memory, files.memory]);
  await chmod(files.memory, 0o644);
  await link(parent.rootfs, files.rootfs);
  for (const [level, disk] of disks.slice(0, -1).entries()) await link(disk, join(fresh, names[level]!));
  const ownDisk = join(fresh, names.at(-1)!);
  const mapping = await findMapping(machine.pid, parent.memory);

  const started = performance.now();
  let pausedMs = 0;
  const moment = await stopped(machine, around, async () => {
    const [devices, runs] = await Promise.all([saveDevices(machine), findDirtyPages(machine.pid, mapping)]);
    const source = openProcessMemory(machine.pid, 'r');
    const target = openSync(files.memory, 'r+');
    try {
      // Stopping the machine made QEMU write out what it held of the disk.
      const disk = copyFile(disks.at(-1)!, ownDisk, constants.COPYFILE_FICLONE);
      copyPages(runs, { fd: source.fd, address: mapping.address }, { fd: target, address: 0 });
      await disk;
    } finally {
      source.close();
      closeSync(target);
    }
    return { devices, dirtyBytes: PAGE * runs.reduce((sum, run) => sum + run.count, 0) };
  }).finally(() => {
    pausedMs = performance.now() - started;
  });

  const { devices, dirtyBytes } = moment;
  await writeFile(files.devices, devices.content);
  for (const path of [files.devices, files.memory, ownDisk]) {
    await chown(path, 0, 0);
    await chmod(path, 0o444);
    await sync(path);
  }
  const manifest = newManifest({
    id: randomUUID(),
    madeWith: { ...below.madeWith, qemuVersion: await machine.qemuVersion() },
    shape: below.shape,
    devices: { bytes: devices.content.length, crc32: devices.crc32 },
    diskBytes: below.diskBytes,
    disks: await Promise.all(
      names.map(async (name) => ({ name, bytes: (await stat(join(fresh, name))).size })),
    ),
  });
  await writeDurably(files.manifest, manifest, 0o444);
  return { dirtyBytes, pausedMs };
}

async function stopped<T>(machine: QemuMachine, around: Around, keep: () => Promise<T>): Promise<T> {
  try {
    await around.freeze();
    try {
      await machine.pause();
      return await keep();
    } finally {
      await machine.run();
    }
  } finally {
    await around.thaw();
  }
}

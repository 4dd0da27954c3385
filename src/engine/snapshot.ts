import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { saveDevices } from './device-state.ts';
import { digHoles } from './dig-holes.ts';
import { sync, writeDurably } from './durable.ts';
import type { EngineContext } from './engine-context.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import { newManifest, type SnapshotSizes, snapshotFiles } from './snapshot-manifest.ts';

/**
 * Turns a booted machine into a snapshot. The machine is gone afterwards, also when this fails: what it has done
 * can be done again, and its memory file must never change once others may map it. The root filesystem moves into
 * the snapshot. The manifest comes last: before it is there, there is no snapshot.
 * @throws MachineFailed when QEMU cannot save its devices; the system's error when a file cannot be written.
 */
export async function snapshot(
  engine: EngineContext,
  machine: QemuMachine,
  snapshotDir: string,
): Promise<SnapshotSizes> {
  const from = machineFiles(machine.dir);
  const to = snapshotFiles(snapshotDir);
  const { record } = machine;
  let devices: Awaited<ReturnType<typeof saveDevices>>;
  try {
    await machine.pause();
    devices = await saveDevices(machine);
  } finally {
    await machine.kill();
  }
  await mkdir(snapshotDir, { recursive: true, mode: 0o700 });
  await rm(to.manifest, { force: true });
  await digHoles(from.memory);
  await writeFile(to.devices, devices.content);
  await rename(from.memory, to.memory);
  await rename(from.disk, to.disk);
  if (record.rootfs !== to.rootfs) await rename(record.rootfs, to.rootfs);
  for (const path of [to.devices, to.memory, to.disk, to.rootfs]) {
    await chown(path, 0, 0);
    await chmod(path, 0o444);
    await sync(path);
  }
  const manifest = newManifest({
    id: randomUUID(),
    madeWith: engine.circumstances,
    shape: record.shape,
    devices: { bytes: devices.content.length, crc32: devices.crc32 },
    diskBytes: (await stat(to.rootfs)).size,
    disks: [{ name: basename(to.disk), bytes: (await stat(to.disk)).size }],
  });
  await writeDurably(to.manifest, manifest, 0o444);
  return {
    memoryBytes: await allocated(to.memory),
    devicesBytes: await allocated(to.devices),
    diskBytes: await allocated(to.disk),
  };
}

async function allocated(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDevices } from './device-state.ts';
import type { EngineContext } from './engine-context.ts';
import { SnapshotDamaged, SnapshotUnfit } from './errors.ts';
import { type Circumstances, checkFit } from './fit.ts';
import type { MachineShape } from './machine-record.ts';

/** 3: machines have a network card. */
const FORMAT = 3;

/** `manifest.json` of a snapshot; written last, so a folder without it holds no snapshot. */
export interface SnapshotManifest {
  format: typeof FORMAT;
  /** Dirty pages of a suspended machine fit only the snapshot with this id. */
  id: string;
  madeWith: Circumstances;
  shape: MachineShape;
  devices: { bytes: number; crc32: number };
  /** Virtual size of the disk. */
  diskBytes: number;
  /** Overlays over the root filesystem, lowest first; a snapshot of a restored machine has one more than its own. */
  disks: { name: string; bytes: number }[];
}

/** What a snapshot takes on disk, in bytes really allocated. */
export interface SnapshotSizes {
  memoryBytes: number;
  devicesBytes: number;
  diskBytes: number;
}

export function snapshotFiles(dir: string) {
  return {
    manifest: join(dir, 'manifest.json'),
    rootfs: join(dir, 'rootfs.ext4'),
    disk: join(dir, 'disk.qcow2'),
    memory: join(dir, 'memory'),
    devices: join(dir, 'devices'),
  };
}

export function newManifest(rest: Omit<SnapshotManifest, 'format'>): string {
  return `${JSON.stringify({ format: FORMAT, ...rest }, null, 2)}\n`;
}

/** @throws SnapshotDamaged when there is none; SnapshotUnfit when it has another format */
export async function readManifest(snapshotDir: string): Promise<SnapshotManifest> {
  const path = snapshotFiles(snapshotDir).manifest;
  let manifest: SnapshotManifest;
  try {
    manifest = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SnapshotDamaged(`There is no complete snapshot in ${snapshotDir}.`, { cause });
  }
  if (manifest.format !== FORMAT)
    throw new SnapshotUnfit(`The snapshot has format ${manifest.format}, and this squib reads ${FORMAT}.`);
  return manifest;
}

/**
 * The manifest of a snapshot that this engine can restore. Sizes of all files and the checksum of the device state are
 * looked at; the content of memory and disk is not, it would have to be read whole at every start.
 * @throws SnapshotDamaged, SnapshotUnfit
 */
export async function checkSnapshot(engine: EngineContext, snapshotDir: string): Promise<SnapshotManifest> {
  const manifest = await readManifest(snapshotDir);
  checkFit(manifest.madeWith, engine.circumstances);
  const files = snapshotFiles(snapshotDir);
  const checkSize = async (path: string, bytes: number) => {
    const found = await stat(path).catch(() => undefined);
    if (found?.size !== bytes) throw new SnapshotDamaged(`${path} is missing or has the wrong size.`);
  };
  await Promise.all([
    checkSize(files.memory, manifest.shape.memoryMiB * 1024 * 1024),
    checkSize(files.rootfs, manifest.diskBytes),
    ...manifest.disks.map(({ name, bytes }) => checkSize(join(snapshotDir, name), bytes)),
    checkDevices(files.devices, manifest.devices),
  ]);
  return manifest;
}

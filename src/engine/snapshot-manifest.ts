import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SnapshotDamaged } from './errors.ts';
import type { MachineShape } from './machine-record.ts';

const FORMAT = 1;

/** `manifest.json` of a snapshot; written last, so a folder without it holds no snapshot. */
export interface SnapshotManifest {
  format: typeof FORMAT;
  /** Dirty pages of a suspended machine fit only the snapshot with this id. */
  id: string;
  /** Device state differs between KVM and software emulation. */
  accelerator: 'kvm' | 'tcg';
  shape: MachineShape;
  devices: { bytes: number; crc32: number };
  /** Virtual size of the disk. */
  diskBytes: number;
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

export function newManifest(rest: Omit<SnapshotManifest, 'format'>): SnapshotManifest {
  return { format: FORMAT, ...rest };
}

/** @throws SnapshotDamaged when there is none, or one of another format. */
export async function readManifest(snapshotDir: string): Promise<SnapshotManifest> {
  const path = snapshotFiles(snapshotDir).manifest;
  let manifest: SnapshotManifest;
  try {
    manifest = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SnapshotDamaged(`There is no complete snapshot in ${snapshotDir}.`, { cause });
  }
  if (manifest.format !== FORMAT)
    throw new SnapshotDamaged(`The snapshot in ${snapshotDir} has format ${manifest.format}, not ${FORMAT}.`);
  return manifest;
}

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { SuspendedDamaged } from './errors.ts';
import type { Circumstances } from './fit.ts';
import type { FileSum } from './pages-file.ts';

const FORMAT = 2;

/** `manifest.json` of a suspended machine. */
export interface SuspendedManifest {
  format: typeof FORMAT;
  /** The snapshot below the dirty pages. */
  snapshotId: string;
  madeWith: Circumstances;
  /** When its processors were stopped, in epoch milliseconds; absent in files of squib 0.1 and earlier. */
  stoppedAt?: number;
  dirtyBytes: number;
  pages: FileSum;
  devices: FileSum;
  disk: DiskState;
}

/** Tells whether a disk was written to; the memory of a suspended machine fits only the disk as it was then. */
export interface DiskState {
  bytes: number;
  /** Nanoseconds, as text because they exceed a number's precision. */
  modified: string;
}

export async function diskState(path: string): Promise<DiskState> {
  const { size, mtimeNs } = await stat(path, { bigint: true });
  return { bytes: Number(size), modified: `${mtimeNs}` };
}

export function suspendedFiles(dir: string) {
  return {
    manifest: join(dir, 'manifest.json'),
    pages: join(dir, 'pages'),
    devices: join(dir, 'devices'),
  };
}

/** One line of JSON and the checksum of that line. */
export function encodeSuspended(rest: Omit<SuspendedManifest, 'format'>): string {
  const line = JSON.stringify({ format: FORMAT, ...rest });
  return `${line}\n${crc32(line)}\n`;
}

/** @throws SuspendedDamaged when there is none, or it was altered. */
export async function readSuspended(dir: string): Promise<SuspendedManifest> {
  const path = suspendedFiles(dir).manifest;
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new SuspendedDamaged(`There is no suspended machine in ${dir}.`, { cause });
  });
  const [line = '', sum] = text.split('\n');
  if (sum !== `${crc32(line)}`) throw new SuspendedDamaged(`${path} was altered since it was written.`);
  const manifest: SuspendedManifest = JSON.parse(line);
  if (manifest.format !== FORMAT)
    throw new SuspendedDamaged(`${path} has format ${manifest.format}, not ${FORMAT}.`);
  return manifest;
}

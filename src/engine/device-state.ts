import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { MachineFailed, SnapshotDamaged } from './errors.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import type { FileSum } from './pages-file.ts';

/** Far above what the devices of one machine take (100 KB). */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * State of processors and devices of a stopped machine, without memory. The command is meant for Xen but works
 * for any machine: it is the only one that writes devices alone. `live: false` leaves the disk with this machine,
 * so that it can go on should something fail later.
 */
export async function saveDevices(machine: QemuMachine): Promise<{ content: Buffer; crc32: number }> {
  await machine.qmp.execute('xen-save-devices-state', { filename: '/vm/devices', live: false });
  const content = await readFile(machineFiles(machine.dir).devices);
  if (content.length === 0 || content.length > MOST_BYTES)
    throw new MachineFailed(`QEMU wrote ${content.length} bytes of device state for ${machine.id}.`);
  return { content, crc32: crc32(content) };
}

/** @throws SnapshotDamaged when the file is missing or differs from what was written. @returns its content */
export async function checkDevices(path: string, expected: FileSum): Promise<Buffer> {
  const content = await readFile(path).catch((cause) => {
    throw new SnapshotDamaged(`${path} is missing.`, { cause });
  });
  if (content.length !== expected.bytes || crc32(content) !== expected.crc32)
    throw new SnapshotDamaged(`${path} was altered since it was written (its checksum differs).`);
  return content;
}

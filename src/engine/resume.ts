import { readFile, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { findMapping, openProcessMemory } from './dirty-pages.ts';
import { sync } from './durable.ts';
import type { EngineContext } from './engine-context.ts';
import { SnapshotDamaged } from './errors.ts';
import { type RestoreOrder, startIncoming } from './incoming.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import { readPages } from './pages-file.ts';
import { readManifest, snapshotFiles } from './snapshot-manifest.ts';
import { readSuspended, suspendedFiles } from './suspended-manifest.ts';

/**
 * Brings a suspended machine back, paused. Until it is run, nothing on disk has changed and it may be tried again.
 * @throws SnapshotDamaged when a file is missing, altered or belongs to another snapshot; MachineFailed
 */
export async function resume(engine: EngineContext, o: RestoreOrder): Promise<QemuMachine> {
  const { suspended } = machineFiles(o.dir);
  const files = suspendedFiles(suspended);
  const [manifest, state] = await Promise.all([readManifest(o.snapshotDir), readSuspended(suspended)]);
  if (state.snapshotId !== manifest.id)
    throw new SnapshotDamaged(`The machine suspended in ${o.dir} belongs to another snapshot.`);
  const devices = await readFile(files.devices).catch((cause) => {
    throw new SnapshotDamaged(`${files.devices} is missing.`, { cause });
  });
  if (devices.length !== state.devices.bytes || crc32(devices) !== state.devices.crc32)
    throw new SnapshotDamaged(`${files.devices} was altered since it was written (its checksum differs).`);
  return startIncoming(engine, o, manifest, files.devices, async (machine) => {
    const mapping = await findMapping(machine.pid, snapshotFiles(o.snapshotDir).memory);
    const memory = openProcessMemory(machine.pid, 'r+');
    try {
      await readPages(files.pages, state.pages, memory.fd, mapping);
    } finally {
      memory.close();
    }
  });
}

/** The resumed machine has taken over: forgets what it was resumed from. */
export async function commitResume(dir: string): Promise<void> {
  await rm(machineFiles(dir).suspended, { recursive: true, force: true });
  await sync(dir);
}

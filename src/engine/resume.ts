import { existsSync } from 'node:fs';
import { chown, rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { checkDevices } from './device-state.ts';
import { findMapping, openProcessMemory } from './dirty-pages.ts';
import { renameDurably } from './durable.ts';
import type { EngineContext } from './engine-context.ts';
import { SnapshotDamaged, SuspendedDamaged } from './errors.ts';
import { checkFit } from './fit.ts';
import { type RestoreOrder, startIncoming } from './incoming.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import { readPages } from './pages-file.ts';
import { checkSnapshot, snapshotFiles } from './snapshot-manifest.ts';
import { diskState, readSuspended, suspendedFiles } from './suspended-manifest.ts';

/**
 * Brings a suspended machine back, paused. Until it is run, nothing on disk has changed and it may be tried again.
 * @throws SuspendedDamaged when one of its own files is missing or altered; SnapshotDamaged when one of the snapshot's
 * is, or the snapshot is another; SnapshotUnfit; MachineFailed
 */
export async function resume(engine: EngineContext, o: RestoreOrder): Promise<QemuMachine> {
  const { suspended, disk } = machineFiles(o.dir);
  const files = suspendedFiles(suspended);
  const [manifest, state] = await Promise.all([
    checkSnapshot(engine, o.snapshotDir),
    readSuspended(suspended),
  ]);
  if (state.snapshotId !== manifest.id)
    throw new SnapshotDamaged(`The machine suspended in ${o.dir} belongs to another snapshot.`);
  const diskNow = await diskState(disk).catch((cause) => {
    throw new SuspendedDamaged(`${disk} is missing.`, { cause });
  });
  if (!isDeepStrictEqual(diskNow, state.disk))
    throw new SuspendedDamaged(
      `${disk} was written to since the machine was suspended; its memory no longer fits.`,
    );
  checkFit(state.madeWith, engine.circumstances);
  await checkDevices(files.devices, state.devices).catch(({ message }) => {
    throw new SuspendedDamaged(message);
  });
  // Host user ids are handed out anew at each start; whoever had this disk's before may be another machine now.
  await chown(disk, o.uid, o.uid);
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

/**
 * The resumed machine takes over: forgets what it was resumed from, durably. To be called before the machine runs:
 * once it has written to its disk, what was suspended no longer fits.
 */
export async function commitResume(engine: EngineContext, dir: string): Promise<void> {
  const { suspended, suspendedOld } = machineFiles(dir);
  if (!existsSync(suspended)) return; // done before a crash of ours
  await rm(suspendedOld, { recursive: true, force: true });
  await renameDurably(suspended, suspendedOld);
  // Freeing much takes a while that nobody needs to wait for; what a crash leaves goes with the next suspend.
  rm(suspendedOld, { recursive: true, force: true }).catch((error) => {
    engine.log.warn('old dirty pages could not be removed', { dir, error });
  });
}

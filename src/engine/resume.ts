import { existsSync } from 'node:fs';
import { chmod, chown, rm, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { advanceClocks } from './advance-clocks.ts';
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
import { diskState, readSuspended, type SuspendedManifest, suspendedFiles } from './suspended-manifest.ts';

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
  const content = await checkDevices(files.devices, state.devices).catch(({ message }) => {
    throw new SuspendedDamaged(message);
  });
  // Host user ids are handed out anew at each start; whoever had this disk's before may be another machine now.
  await chown(disk, o.uid, o.uid);
  const devices = (await withTimeGone(engine, o.dir, state, content)) ?? files.devices;
  const restored = startIncoming(engine, o, manifest, devices, async (machine) => {
    const mapping = await findMapping(machine.pid, snapshotFiles(o.snapshotDir).memory);
    const memory = openProcessMemory(machine.pid, 'r+');
    try {
      await readPages(files.pages, state.pages, memory.fd, mapping);
    } finally {
      memory.close();
    }
  });
  return restored.finally(() => rm(machineFiles(o.dir).incoming, { force: true }));
}

/**
 * Writes the device state with the suspended time gone by. Under KVM the clocks of the guest are elsewhere and stand
 * still while it is suspended.
 * @returns the file; undefined when there is none because the state as it was saved will do
 */
async function withTimeGone(
  engine: EngineContext,
  dir: string,
  { stoppedAt }: SuspendedManifest,
  content: Buffer,
): Promise<string | undefined> {
  if (engine.accelerator !== 'tcg' || stoppedAt === undefined) return undefined;
  const milliseconds = Math.max(0, Date.now() - stoppedAt);
  const advanced = advanceClocks(content, BigInt(milliseconds) * 1_000_000n);
  if (advanced === undefined) {
    engine.log.warn('the clock of a resumed machine cannot be advanced', { dir });
    return undefined;
  }
  const path = machineFiles(dir).incoming;
  await writeFile(path, advanced);
  await chmod(path, 0o444); // read by QEMU's user
  return path;
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

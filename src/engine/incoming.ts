import { join } from 'node:path';
import { createFile, prepareFolder } from './boot.ts';
import type { EngineContext } from './engine-context.ts';
import { MachineFailed } from './errors.ts';
import { launch, type Tap } from './launch.ts';
import { QemuMachine } from './machine.ts';
import { machineArguments } from './machine-arguments.ts';
import { machineFiles, writeRecord } from './machine-record.ts';
import type { QmpEvent } from './qmp.ts';
import { type SnapshotManifest, snapshotFiles } from './snapshot-manifest.ts';

/** QEMU's socket closes a moment before its end is known. */
const LAST_WORDS_MS = 100;

export interface RestoreOrder {
  id: string;
  /** Folder of the machine; made when missing. */
  dir: string;
  uid: number;
  snapshotDir: string;
  /** Where the network card leads to; without it, nowhere. */
  tap?: Tap | undefined;
}

/**
 * Starts a QEMU on the memory of a snapshot that was checked, one that waits for device state from `devices`, fills its memory further with
 * `fill`, then loads. @returns a paused machine. Nothing is left running when it throws.
 */
export async function startIncoming(
  engine: EngineContext,
  o: RestoreOrder,
  manifest: SnapshotManifest,
  devices: string,
  fill?: (machine: QemuMachine) => Promise<void>,
): Promise<QemuMachine> {
  engine.prefetcher.begin(engine, o.snapshotDir);
  const below = snapshotFiles(o.snapshotDir);
  const own = machineFiles(o.dir);
  await prepareFolder(o.dir);
  await createFile(own.devices, o.uid, 0);
  const record = await writeRecord(o.dir, {
    ...{ id: o.id, uid: o.uid, shape: manifest.shape },
    ...{ rootfs: below.rootfs, snapshotDir: o.snapshotDir },
  });
  const group = await engine.groups?.make(o.id, manifest.shape, o.dir);
  const launched = await launch({
    ...{ cacheDir: engine.cacheDir, dir: o.dir, uid: o.uid, kvm: engine.accelerator === 'kvm' },
    ...{ tap: o.tap, group },
    files: [
      { source: below.rootfs, target: '/snapshot/rootfs.ext4' },
      ...manifest.disks.map(({ name }) => ({
        source: join(o.snapshotDir, name),
        target: `/snapshot/${name}`,
      })),
      { source: below.memory, target: '/snapshot/memory' },
      { source: devices, target: '/snapshot/devices' },
      { source: own.disk, target: '/vm/disk.qcow2', writable: true },
      { source: own.devices, target: '/vm/devices', writable: true },
    ],
    command: machineArguments({
      shape: manifest.shape,
      accelerator: engine.accelerator,
      birth: { kind: 'restore', overlays: manifest.disks.length },
      disk: true,
      diskBytesPerSecond: engine.diskBytesPerSecond,
      consoleFile: false,
    }),
  });
  const machine = new QemuMachine(o.dir, record, launched.process, launched.qmp, {
    ended: launched.ended,
    group,
  });
  try {
    await load(machine, fill);
    await machine.clearChannel();
  } catch (error) {
    const reason = await machine.lastWords(LAST_WORDS_MS);
    await machine.kill();
    if (reason === undefined) throw error;
    throw new MachineFailed(`The machine could not be restored: ${reason}`, { cause: error });
  }
  return machine;
}

async function load(machine: QemuMachine, fill?: (machine: QemuMachine) => Promise<void>): Promise<void> {
  const { qmp } = machine;
  const loaded = new Promise<void>((resolve, reject) => {
    const end = qmp.onEvent(({ event, data }: QmpEvent) => {
      if (event !== 'MIGRATION') return;
      if (data?.status === 'completed') resolve();
      else if (data?.status === 'failed') reject(new MachineFailed('QEMU could not load the device state.'));
      else return;
      end();
    });
    machine.exited.then(({ reason }) =>
      reject(new MachineFailed(`The machine could not be restored: ${reason}`)),
    );
  });
  // Whichever step fails first is thrown below; the others fail for the same cause.
  loaded.catch(() => {});
  const events = qmp.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'events', state: true }],
  });
  if (fill) {
    await events; // The answer proves that QEMU is up and its memory mapped.
    await fill(machine);
  }
  const incoming = qmp.execute('migrate-incoming', { uri: 'file:/snapshot/devices' });
  const commands = Promise.all([events, incoming]);
  commands.catch(() => {});
  await Promise.race([loaded, commands.then(() => loaded)]);
}

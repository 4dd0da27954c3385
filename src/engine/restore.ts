import { chown, writeFile } from 'node:fs/promises';
import { prepareFolder } from './boot.ts';
import type { EngineContext } from './engine-context.ts';
import { type RestoreOrder, startIncoming } from './incoming.ts';
import type { QemuMachine } from './machine.ts';
import { machineFiles } from './machine-record.ts';
import { emptyOverlay } from './qcow2.ts';
import { checkSnapshot, snapshotFiles } from './snapshot-manifest.ts';

/** A new machine from a snapshot, paused. @throws SnapshotDamaged, SnapshotUnfit, MachineFailed */
export async function restore(engine: EngineContext, o: RestoreOrder): Promise<QemuMachine> {
  const { devices } = snapshotFiles(o.snapshotDir);
  const manifest = await checkSnapshot(engine, o.snapshotDir);
  await prepareFolder(o.dir);
  const { disk } = machineFiles(o.dir);
  await writeFile(disk, emptyOverlay(manifest.diskBytes, { file: 'disk-of-snapshot', format: 'qcow2' }), {
    mode: 0o600,
  });
  await chown(disk, o.uid, o.uid);
  return startIncoming(engine, o, manifest, devices);
}

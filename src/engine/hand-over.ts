import { rename, writeFile } from 'node:fs/promises';
import type { QemuMachine } from './machine.ts';
import { type MachineRecord, machineFiles } from './machine-record.ts';

/**
 * Gives a machine another id and folder. At every moment the folder where it is names the process that runs there;
 * only the id in its record may be ahead, which is why `adopt` also finds a machine without being told its id.
 * @param to the folder must be missing or empty; on the same file system.
 */
export async function handOver(machine: QemuMachine, to: { id: string; dir: string }): Promise<void> {
  const record: MachineRecord = { ...machine.record, id: to.id };
  const path = machineFiles(machine.dir).record;
  await writeFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  await rename(machine.dir, to.dir);
  machine.moved(record, to.dir);
}

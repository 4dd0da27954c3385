import type { EngineContext } from './engine-context.ts';
import { QemuMachine } from './machine.ts';
import { findProcess, machineFiles } from './machine-record.ts';
import { Qmp } from './qmp.ts';

/**
 * Takes over the machine whose QEMU runs in `dir`, started by an earlier process. It may be paused.
 * A QEMU that had not finished loading, or whose guest has ended, is of no use to anyone and is ended.
 * @param o.id the machine's own; undefined: whoever it is
 * @returns undefined when no machine runs there.
 */
export async function adopt(
  engine: EngineContext,
  o: { id?: string; dir: string },
): Promise<QemuMachine | undefined> {
  const found = await findProcess(o.dir);
  if (!found || (o.id !== undefined && found.record.id !== o.id)) return undefined;
  let qmp: Qmp;
  try {
    qmp = await Qmp.connect(machineFiles(o.dir).qmp);
  } catch {
    // Nobody listens: it is ending just now, or was never able to start.
    process.kill(found.process.pid, 'SIGKILL');
    return undefined;
  }
  const machine = new QemuMachine(o.dir, found.record, found.process, qmp, {
    group: engine.groups?.of(found.record.group ?? found.record.id),
  });
  const status = await machine.qmp.execute('query-status').catch(() => undefined);
  const usable = ['running', 'paused'].includes((status as { status: string } | undefined)?.status ?? '');
  if (usable) return machine;
  await machine.kill();
  return undefined;
}

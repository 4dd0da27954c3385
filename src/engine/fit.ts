import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SnapshotUnfit } from './errors.ts';
import { CPU_MODEL, MACHINE_TYPE } from './machine-arguments.ts';

/** What must agree between the engine that saved a machine and the one that restores it. */
export interface Circumstances {
  /** Device state differs between KVM and software emulation. */
  accelerator: 'kvm' | 'tcg';
  machineType: string;
  cpuModel: string;
  /** Such as `10.0.2`. Another release does not surely read what this one saved, whatever the machine type promises. */
  qemuVersion: string;
}

/** The circumstances of this engine; asks the runtime tree's QEMU for its version. */
export async function circumstances(cacheDir: string, accelerator: 'kvm' | 'tcg'): Promise<Circumstances> {
  const command = [join(cacheDir, 'runtime'), 'qemu-system-x86_64', '--version'];
  const { stdout } = await promisify(execFile)('chroot', command);
  const qemuVersion = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (qemuVersion === undefined) throw new Error(`QEMU's version is not understood: ${stdout.slice(0, 200)}`);
  return { accelerator, machineType: MACHINE_TYPE, cpuModel: CPU_MODEL, qemuVersion };
}

/** @throws SnapshotUnfit that names every difference that matters. */
export function checkFit(made: Circumstances, here: Circumstances): void {
  const differences: string[] = [];
  const compare = (what: string, then: string, now: string) => {
    if (then !== now) differences.push(`${what} ${then}, and this host has ${now}`);
  };
  compare('the accelerator', made.accelerator, here.accelerator);
  compare('the machine type', made.machineType, here.machineType);
  compare('the processor model', made.cpuModel, here.cpuModel);
  if (releaseOf(made.qemuVersion) !== releaseOf(here.qemuVersion)) {
    compare('QEMU', made.qemuVersion, here.qemuVersion);
  }
  if (differences.length > 0) throw new SnapshotUnfit(`It was made with ${differences.join('; ')}.`);
}

/** Fixes of a release (the third number) do not change what QEMU saves. */
const releaseOf = (version: string) => version.split('.').slice(0, 2).join('.');

import { chmod, chown, mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EngineContext } from './engine-context.ts';
import { launch, type Tap } from './launch.ts';
import { QemuMachine } from './machine.ts';
import { machineArguments } from './machine-arguments.ts';
import { type MachineShape, machineFiles, writeRecord } from './machine-record.ts';
import { emptyOverlay } from './qcow2.ts';

/**
 * `panic=-1` resets at once, and QEMU ends at a reset: a guest without a kernel is gone, not hanging.
 * `tsc=reliable`, `nowatchdog`, `rcu_cpu_stall_suppress`: time jumps when a machine is resumed; no watch over clocks
 * and processors may take that for a fault, nor wake an idle machine.
 */
export const KERNEL_COMMAND_LINE = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'random.trust_cpu=on'],
  ...['tsc=reliable', 'nowatchdog', 'rcupdate.rcu_cpu_stall_suppress=1'],
].join(' ');

/**
 * An emulated processor has none of the faults that the kernel guards against, and pays dearly for the guards: every
 * system call would empty its address translations. Boot and applications take a fifth less time without. Nor does it
 * fail the kernel's trials of its own ciphers, half a second long.
 */
const EMULATED = 'mitigations=off cryptomgr.notests';

export interface BootOrder {
  id: string;
  /** Folder of the machine; made when missing. */
  dir: string;
  uid: number;
  shape: MachineShape;
  /** ext4 image; never written. */
  rootfs: string;
  /** Where the guest's console goes; grows as long as the guest writes. Without it, it is kept in a small ring. */
  consoleFile?: string;
  /** Where the network card leads to; without it, nowhere. */
  tap?: Tap | undefined;
}

const commandLine = ({ accelerator }: EngineContext) =>
  accelerator === 'tcg' ? `${KERNEL_COMMAND_LINE} ${EMULATED}` : KERNEL_COMMAND_LINE;

/** Starts a machine from nothing; its memory lives in `dir/memory`, which a snapshot then takes over. */
export async function boot(engine: EngineContext, o: BootOrder): Promise<QemuMachine> {
  const files = machineFiles(o.dir);
  await prepareFolder(o.dir);
  await chmod(o.rootfs, 0o444);
  await createFile(files.memory, o.uid, o.shape.memoryMiB * 1024 * 1024);
  await createFile(files.devices, o.uid, 0);
  await writeFile(
    files.disk,
    emptyOverlay((await stat(o.rootfs)).size, { file: '/snapshot/rootfs.ext4', format: 'raw' }),
  );
  await chown(files.disk, o.uid, o.uid);
  if (o.consoleFile) await createFile(o.consoleFile, o.uid, 0);
  const record = await writeRecord(o.dir, { id: o.id, uid: o.uid, shape: o.shape, rootfs: o.rootfs });
  const kernel = join(engine.cacheDir, 'kernel');
  const kvm = engine.accelerator === 'kvm';
  const group = await engine.groups?.make(o.id, o.shape, o.dir);
  const { process, qmp, ended } = await launch({
    ...{ cacheDir: engine.cacheDir, dir: o.dir, uid: o.uid, kvm },
    ...{ tap: o.tap, group },
    files: [
      // Without a KVM that unpacks it at full speed, it is unpacked already.
      { source: join(kernel, kvm ? 'vmlinuz' : 'vmlinux'), target: '/kernel/vmlinuz' },
      { source: join(kernel, 'initramfs'), target: '/kernel/initramfs' },
      { source: o.rootfs, target: '/snapshot/rootfs.ext4' },
      { source: files.memory, target: '/vm/memory', writable: true },
      { source: files.devices, target: '/vm/devices', writable: true },
      { source: files.disk, target: '/vm/disk.qcow2', writable: true },
      ...(o.consoleFile ? [{ source: o.consoleFile, target: '/vm/console', writable: true }] : []),
    ],
    command: machineArguments({
      shape: o.shape,
      accelerator: engine.accelerator,
      birth: { kind: 'boot', commandLine: commandLine(engine), initramfs: true },
      disk: true,
      diskBytesPerSecond: engine.diskBytesPerSecond,
      consoleFile: o.consoleFile !== undefined,
    }),
  });
  return new QemuMachine(o.dir, record, process, qmp, { ended, group });
}

/** The folder is root's alone: QEMU's user reaches only the files that are mounted into its jail. */
export async function prepareFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
}

/** An empty (sparse) file that only QEMU's user may write. Replaces one that is there. */
export async function createFile(path: string, uid: number, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.truncate(bytes);
    await handle.chown(uid, uid);
  } finally {
    await handle.close();
  }
}

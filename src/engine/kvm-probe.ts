import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFile } from './boot.ts';
import { launch } from './launch.ts';
import { QemuMachine } from './machine.ts';
import { machineArguments } from './machine-arguments.ts';
import { machineFiles, writeRecord } from './machine-record.ts';

const DEADLINE_MS = 5000;
const MEMORY_MIB = 128;
/** `nobody`; the probe's files are gone after a moment. */
const UID = 65534;

/**
 * Boots the guest kernel under KVM without any root filesystem. Where KVM works it gets in well under a second to the
 * panic that this must end in; a machine that does anything else within the deadline does not run kernels.
 */
export async function probeKvm(cacheDir: string): Promise<{ works: boolean; reason: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'squib-kvm-'));
  const files = machineFiles(dir);
  const consoleFile = join(dir, 'console');
  try {
    await createFile(consoleFile, UID, 0);
    await createFile(files.memory, UID, MEMORY_MIB * 1024 * 1024);
    const shape = { vcpus: 1, memoryMiB: MEMORY_MIB };
    const record = await writeRecord(dir, { id: 'kvm-probe', uid: UID, shape, rootfs: '' });
    const launched = await launch({
      ...{ cacheDir, dir, uid: UID, kvm: true },
      ...{ tap: undefined, group: undefined },
      files: [
        { source: join(cacheDir, 'kernel/vmlinuz'), target: '/kernel/vmlinuz' },
        { source: files.memory, target: '/vm/memory', writable: true },
        { source: consoleFile, target: '/vm/console', writable: true },
      ],
      command: machineArguments({
        shape,
        accelerator: 'kvm',
        birth: { kind: 'boot', commandLine: 'console=ttyS0 panic=-1 root=/dev/none', initramfs: false },
        disk: false,
        consoleFile: true,
      }),
    });
    const machine = new QemuMachine(dir, record, launched.process, launched.qmp, {
      ended: launched.ended,
    });
    const ended = await Promise.race([machine.exited, sleep(DEADLINE_MS, undefined, { ref: false })]);
    await machine.kill();
    if (!ended)
      return {
        works: false,
        reason: `the guest kernel did not boot under KVM within ${DEADLINE_MS / 1000} s`,
      };
    if (/Kernel panic - not syncing: VFS/.test(await readFile(consoleFile, 'utf8')))
      return { works: true, reason: 'the guest kernel boots under KVM' };
    return { works: false, reason: `the guest kernel does not run under KVM: ${ended.reason}` };
  } catch (error) {
    return {
      works: false,
      reason: `QEMU does not start with KVM: ${error instanceof Error ? error.message : error}`,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRootDisk } from './root-disk.ts';

/** A cold boot takes 6 s, and ten times that on a busy machine. */
export const bootMs = 180_000;
export const cacheDir = process.env.SQUIB_CACHE_DIR ?? '/var/cache/squib';

/** One virtual machine with the guest agent, started without squib's engine. */
export interface TestMachine {
  /** A new connection to the channel's chardev; QEMU serves one at a time. */
  channel(): Promise<Socket>;
  console(): string;
  stop(): Promise<void>;
  readonly process: ChildProcess;
}

export async function startMachine(): Promise<TestMachine> {
  const dir = mkdtempSync(join(tmpdir(), 'sqg-'));
  const disk = join(dir, 'rootfs.ext4');
  makeRootDisk(cacheDir, disk);
  for (const path of [dir, disk]) chownSync(path, 65534, 65534);
  const kernel = join(cacheDir, 'kernel');
  const qemu = [
    ...['/usr/bin/qemu-system-x86_64', '-nodefaults', '-display', 'none', '-no-reboot', '-accel', 'tcg'],
    ...[
      '-M',
      'pc-i440fx-7.2,usb=off,smbus=off,vmport=off',
      '-cpu',
      'Haswell-noTSX',
      '-smp',
      '2',
      '-m',
      '256M',
    ],
    ...[
      '-kernel',
      '/kernel/vmlinux',
      '-initrd',
      '/kernel/initramfs',
      '-append',
      'console=ttyS0 quiet panic=-1',
    ],
    ...['-chardev', 'file,id=console,path=/vm/console', '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci', '-chardev', 'socket,id=c,path=/vm/channel,server=on,wait=off'],
    ...['-device', 'virtserialport,chardev=c,name=squib.channel'],
    ...['-drive', 'file=/vm/rootfs.ext4,format=raw,if=virtio,cache=unsafe'],
  ];
  const jail = [
    ...['--root', join(cacheDir, 'runtime'), '--uid', '65534', '--gid', '65534'],
    ...['--bind', `${dir}:/vm:rw`, '--bind', `${kernel}:/kernel`, '--'],
  ];
  const child = spawn(join(cacheDir, 'bin/jailer'), [...jail, ...qemu], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  return {
    process: child,
    async channel() {
      for (;;) {
        const socket = createConnection(join(dir, 'channel'));
        try {
          await once(socket, 'connect');
          return socket;
        } catch (error) {
          if (child.exitCode !== null) throw error;
          await sleep(20);
        }
      }
    },
    console: () => readFileSync(join(dir, 'console'), 'utf8'),
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

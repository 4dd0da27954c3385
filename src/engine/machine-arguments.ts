import type { MachineShape } from './machine-record.ts';

/** Descriptors on which the jailer listens for QEMU. */
export const QMP_FD = 10;
export const CHANNEL_FD = 11;
/** Descriptor on which the jailer leaves the machine's TAP interface open. */
export const TAP_FD = 12;

/** Name of the channel's port; the guest agent finds it in /sys/class/virtio-ports. */
const CHANNEL_PORT = 'squib.channel';
/** Fixed forms of machine and CPU, whatever the QEMU, so that a snapshot can be restored by a later one. */
export const MACHINE_TYPE = 'pc-i440fx-7.2';
export const CPU_MODEL = 'Haswell-noTSX';
/** All machines have the same: each is alone with its host on its own wire. Locally administered. */
const HARDWARE_ADDRESS = '02:73:71:75:69:62';
/** QEMU would take up to 1 GiB for code that it has translated, and begins afresh when it is full. */
const TRANSLATED_CODE_MIB = 256;
/** Kernel messages and a panic's trace fit. */
const CONSOLE_BYTES = 65536;

/** How a machine comes to life. Paths are those inside the jail. */
export type Birth =
  | { kind: 'boot'; commandLine: string; initramfs: boolean }
  /** Memory is a private copy-on-write view of the snapshot's; device state is loaded when told over QMP. */
  | { kind: 'restore'; overlays: number };

export interface MachineSettings {
  shape: MachineShape;
  accelerator: 'kvm' | 'tcg';
  birth: Birth;
  /** False only for a probe, which has no network card either. */
  disk: boolean;
  /** What the guest may write to it; absent or 0: no limit. */
  diskBytesPerSecond?: number;
  /** Console to /vm/console instead of a ring in QEMU's memory. */
  consoleFile: boolean;
}

/**
 * The command line of QEMU, run inside the jail (jail.ts says which file is where).
 * Devices and their order are part of every snapshot: a change makes existing snapshots unusable.
 */
export function machineArguments(o: MachineSettings): string[] {
  return [
    '/usr/bin/qemu-system-x86_64',
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    // No vmdesc and no configuration section: the device state that QMP writes has neither (see snapshot.ts).
    // Linux leaves an HPET ticking 250 times a second after it has turned to better clocks: 3 % of a core when idle.
    ...[
      '-machine',
      `${MACHINE_TYPE},usb=off,smbus=off,vmport=off,hpet=off,suppress-vmdesc=on,memory-backend=ram`,
    ],
    ...['-global', 'migration.send-configuration=off'],
    ...['-accel', o.accelerator === 'kvm' ? 'kvm' : `tcg,thread=multi,tb-size=${TRANSLATED_CODE_MIB}`],
    ...['-cpu', CPU_MODEL, '-smp', `${o.shape.vcpus}`, '-m', `${o.shape.memoryMiB}M`],
    ...['-object', memory(o)],
    ...['-chardev', `socket,id=qmp,fd=${QMP_FD},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
    ...[
      '-chardev',
      o.consoleFile ? 'file,id=console,path=/vm/console' : `ringbuf,id=console,size=${CONSOLE_BYTES}`,
    ],
    ...['-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci,id=ports,max_ports=2'],
    ...['-chardev', `socket,id=channel,fd=${CHANNEL_FD},server=on,wait=off`],
    ...['-device', `virtserialport,chardev=channel,name=${CHANNEL_PORT}`],
    ...(o.disk ? [...disk(o.birth, o.diskBytesPerSecond ?? 0), ...networkCard] : []),
    ...(o.birth.kind === 'boot' ? boot(o.birth) : ['-S', '-incoming', 'defer']),
  ];
}

/** Names of a snapshot's read-only disks, lowest first, in its folder and in `/snapshot` of the jail. */
export const overlayName = (level: number) => (level === 0 ? 'disk.qcow2' : `disk-${level}.qcow2`);
/** As many as the runtime tree has mount points for. */
export const MOST_OVERLAYS = 8;

/**
 * Every machine has the card, also one whose wire leads nowhere: whether it leads somewhere may change with every
 * restore. No announcement after a restore: nobody on the wire has known the guest before.
 */
const networkCard = [
  ...['-netdev', `tap,id=net,fd=${TAP_FD}`],
  ...['-device', `virtio-net-pci,id=card,netdev=net,mac=${HARDWARE_ADDRESS},romfile=,guest_announce=off`],
];

function memory(o: MachineSettings): string {
  const size = `memory-backend-file,id=ram,size=${o.shape.memoryMiB}M`;
  // Private: what is written stays in the process; rom=off, or QEMU would map a read-only file read-only.
  if (o.birth.kind === 'restore') return `${size},mem-path=/snapshot/memory,share=off,readonly=on,rom=off`;
  return `${size},mem-path=/vm/memory,share=on`;
}

function boot({ commandLine, initramfs }: { commandLine: string; initramfs: boolean }): string[] {
  const kernel = ['-kernel', '/kernel/vmlinuz', '-append', commandLine];
  return initramfs ? [...kernel, '-initrd', '/kernel/initramfs'] : kernel;
}

/**
 * The machine's own overlay over the snapshot's over the root filesystem; while an image is built there are none in
 * the middle yet. The guest's flushes are not passed on to the host's disk: what must survive a power cut
 * is synced by the host when it is suspended or snapshotted, and a running machine's memory would be lost anyway.
 * Writes are held back here, where they count for the guest that makes them; control groups of version 1 cannot tell.
 * When the host's disk is full, the guest gets an I/O error (QEMU would otherwise stop the machine and wait).
 */
function disk(birth: Birth, bytesPerSecond: number): string[] {
  const cache = { direct: false, 'no-flush': true };
  const file = (filename: string, readOnly: boolean) =>
    readOnly
      ? { driver: 'file', filename, 'read-only': true, locking: 'off' }
      : { driver: 'file', filename, cache };
  const layers: Record<string, unknown>[] = [
    { driver: 'raw', 'node-name': 'rootfs', 'read-only': true, file: file('/snapshot/rootfs.ext4', true) },
  ];
  let below = 'rootfs';
  const overlays = birth.kind === 'restore' ? birth.overlays : 0;
  for (let level = 0; level < overlays; level++) {
    const name = `overlay-${level}`;
    const saved = {
      'node-name': name,
      'read-only': true,
      file: file(`/snapshot/${overlayName(level)}`, true),
    };
    layers.push({ driver: 'qcow2', ...saved, backing: below });
    below = name;
  }
  const own = { 'node-name': 'disk', file: file('/vm/disk.qcow2', false), cache, discard: 'unmap' };
  layers.push({ driver: 'qcow2', ...own, backing: below });
  const pace = { 'qom-type': 'throttle-group', id: 'pace', limits: { 'bps-write': bytesPerSecond } };
  layers.push({ driver: 'throttle', 'node-name': 'paced', 'throttle-group': 'pace', file: 'disk' });
  return [
    ...['-object', JSON.stringify(pace)],
    ...layers.flatMap((layer) => ['-blockdev', JSON.stringify(layer)]),
    ...['-device', 'virtio-blk-pci,id=root,drive=paced,werror=report,rerror=report'],
  ];
}

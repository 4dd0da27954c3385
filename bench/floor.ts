// The floor: QEMU started by hand, without jail, files ready beforehand, nothing recorded, nothing checked.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CHANNEL_FD, machineArguments, QMP_FD, TAP_FD } from '../src/engine/machine-arguments.ts';
import { emptyOverlay } from '../src/engine/qcow2.ts';
import { Qmp } from '../src/engine/qmp.ts';
import type { SnapshotManifest } from '../src/engine/snapshot-manifest.ts';
import { GuestConnection } from '../src/guest/guest-connection.ts';

/** A machine that was started by hand, whose application has answered once. */
export interface BareMachine {
  /** From the start of the process to the application's first byte. */
  milliseconds: number;
  pid: number;
  guest: GuestConnection;
  end(): Promise<void>;
}

/** Starts a machine from a snapshot and GETs `/` on port 8080 over the channel. */
export async function bareRestore(cacheDir: string, snapshotDir: string): Promise<BareMachine> {
  const dir = mkdtempSync('/tmp/squib-floor-');
  const manifest: SnapshotManifest = JSON.parse(readFileSync(join(snapshotDir, 'manifest.json'), 'utf8'));
  const { size } = statSync(join(snapshotDir, 'rootfs.ext4'));
  writeFileSync(join(dir, 'disk.qcow2'), emptyOverlay(size, { file: 'disk-of-snapshot', format: 'qcow2' }));
  const [program = '', ...args] = commandOnHost(manifest, snapshotDir, dir);
  const tree = join(cacheDir, 'runtime');
  const libraries = [join(tree, 'usr/lib/x86_64-linux-gnu'), join(tree, 'lib/x86_64-linux-gnu')].join(':');

  const namespace = `squib-floor-${process.pid}-${++started}`;
  makeTap(namespace);
  const start = performance.now();
  // The tree's own loader and libraries, because the host has no QEMU.
  const child = spawn(
    'nsenter',
    [
      `--net=/run/netns/${namespace}`,
      join(tree, 'lib64/ld-linux-x86-64.so.2'),
      ...['--library-path', libraries, join(tree, program)],
      ...['qemu', 'seabios'].flatMap((name) => ['-L', join(tree, 'usr/share', name)]),
      ...args,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { QEMU_MODULE_DIR: join(tree, 'usr/lib/x86_64-linux-gnu/qemu') },
    },
  );
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(dir, { recursive: true, force: true });
    execFileSync('ip', ['netns', 'delete', namespace]);
  };
  try {
    const guest = await load(child, dir, snapshotDir);
    await firstByte(guest);
    return { milliseconds: performance.now() - start, pid: child.pid ?? 0, guest, end };
  } catch (error) {
    await end();
    throw error;
  }
}

let started = 0;

/** The network card of the snapshot needs an interface; squib, too, has its ready before the start. */
function makeTap(namespace: string): void {
  execFileSync('ip', ['netns', 'add', namespace]);
  execFileSync('ip', ['-n', namespace, 'tuntap', 'add', 'dev', 't0', 'mode', 'tap', 'vnet_hdr']);
  execFileSync('ip', ['-n', namespace, 'link', 'set', 't0', 'up']);
}

/** The engine's own command line, with the jail's paths replaced by those of the host. */
function commandOnHost(manifest: SnapshotManifest, snapshotDir: string, dir: string): string[] {
  const socket = (path: string) => `path=${join(dir, path)}`;
  return machineArguments({
    shape: manifest.shape,
    accelerator: manifest.madeWith.accelerator,
    birth: { kind: 'restore', overlays: manifest.disks.length },
    disk: true,
    consoleFile: false,
  }).map((argument) =>
    argument
      .replace('/snapshot/', `${snapshotDir}/`)
      .replace('/vm/', `${dir}/`)
      .replace(`fd=${QMP_FD}`, socket('qmp'))
      .replace(`fd=${CHANNEL_FD}`, socket('channel'))
      .replace(`fd=${TAP_FD}`, 'ifname=t0,script=no,downscript=no,vnet_hdr=on'),
  );
}

async function load(child: ChildProcess, dir: string, snapshotDir: string): Promise<GuestConnection> {
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  // The channel's socket is the last that QEMU makes.
  while (!existsSync(join(dir, 'channel'))) {
    if (child.exitCode !== null) throw new Error(`QEMU ended: ${errors}`);
    await nextTurn();
  }
  const qmp = await Qmp.connect(join(dir, 'qmp'));
  child.once('exit', (_code, signal) => {
    if (signal === null) console.error(errors);
    qmp.close();
  });
  const loaded = new Promise<void>((resolve) => {
    qmp.onEvent(({ event, data }) => {
      if (event === 'MIGRATION' && data?.status === 'completed') resolve();
    });
  });
  const capabilities = [{ capability: 'events', state: true }];
  await Promise.all([
    qmp.execute('migrate-set-capabilities', { capabilities }),
    qmp.execute('migrate-incoming', { uri: `file:${join(snapshotDir, 'devices')}` }),
    loaded,
  ]);
  const channel = connect(join(dir, 'channel'));
  const guest = GuestConnection.open(channel);
  await qmp.execute('cont');
  return guest;
}

async function firstByte(guest: GuestConnection): Promise<void> {
  const epochNanoseconds = BigInt(Date.now()) * 1_000_000n;
  const connected = await guest
    .thaw({ epochNanoseconds, entropy: randomBytes(64), resetConnections: true })
    .then(() => guest.dial(8080));
  connected.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  await once(connected, 'data');
  connected.destroy();
}

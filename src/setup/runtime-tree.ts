import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { runTool } from './run-tool.ts';

const MIRROR = 'http://deb.debian.org/debian';
const SUITE = 'trixie';
const PACKAGES = [
  'ca-certificates',
  'qemu-system-x86',
  'seabios',
  'buildah',
  'skopeo',
  'e2fsprogs',
  'xz-utils',
  'zstd',
  'kmod',
  'iproute2',
  'nftables',
];
const UNUSED_FILES = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];
/** Where jails mount the files they are given, one by one (src/engine/jail.ts); the tree itself is read-only there. */
const MOUNT_POINTS = {
  kernel: ['vmlinuz', 'initramfs'],
  // disk-1.qcow2 and so on: a fork's disk over its parent's, one more for each fork of a fork (machine-arguments.ts).
  snapshot: [
    ...['rootfs.ext4', 'memory', 'devices', 'disk.qcow2', 'disk-1.qcow2', 'disk-2.qcow2', 'disk-3.qcow2'],
    ...['disk-4.qcow2', 'disk-5.qcow2', 'disk-6.qcow2', 'disk-7.qcow2'],
  ],
  vm: ['disk.qcow2', 'memory', 'devices', 'console'],
};
const STAMP = 'squib-recipe';
/** Where distributions keep the certificates that the host trusts, as one file. */
const HOST_TRUST = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

/** Folder of the runtime tree: the Debian root in which QEMU and the image builder run. */
export function runtimeTree(cacheDir: string): string {
  return join(cacheDir, 'runtime');
}

/** What identifies the tree's contents: two trees with the same stamp came from the same recipe. */
export function runtimeTreeStamp(cacheDir: string): string {
  return readFileSync(join(runtimeTree(cacheDir), STAMP), 'utf8').trim();
}

/** @throws SquibError where the machine is no x86-64. */
function debianArchitecture(): string {
  if (process.arch === 'x64') return 'amd64';
  throw new SquibError(
    `squib runs MicroVMs on x86-64 only so far; this machine is ${process.arch}.`,
    'Use an x86-64 machine.',
  );
}

function recipe(): string[] {
  const architecture = debianArchitecture();
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return [
    '--variant=minbase',
    `--architectures=${architecture}`,
    `--include=${PACKAGES.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    ...UNUSED_FILES.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    // Needed where the host's own keys are another distribution's (Ubuntu); its package is debian-archive-keyring.
    ...(existsSync(keyring) ? [`--keyring=${keyring}`] : []),
  ];
}

function recipeStamp(): string {
  const parts = recipe().filter((argument) => !argument.startsWith('--keyring'));
  return createHash('sha256')
    .update(JSON.stringify([parts, SUITE]))
    .digest('hex');
}

function makeMountPoints(tree: string): void {
  for (const [folder, files] of Object.entries(MOUNT_POINTS)) {
    mkdirSync(join(tree, folder), { recursive: true, mode: 0o755 });
    for (const file of files) writeFileSync(join(tree, folder, file), '');
  }
}

/** What the host trusts, the tree trusts: its registries and mirrors may sign with a company's own authority. */
function copyTrust(tree: string): void {
  const source = HOST_TRUST.find(existsSync);
  if (source) copyFileSync(source, join(tree, 'etc/ssl/certs/ca-certificates.crt'));
}

/**
 * Makes the runtime tree unless the one there came from this very recipe (about 30 s, 430 MB).
 * It is built under another name and renamed, so that a killed set-up leaves nothing half-made.
 * @throws SquibError when mmdebstrap fails; its last lines are in the message.
 */
export async function ensureRuntimeTree(cacheDir: string, say: (line: string) => void): Promise<void> {
  const tree = runtimeTree(cacheDir);
  const stampFile = join(tree, STAMP);
  const stamp = recipeStamp();
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8').trim() !== stamp) {
    say('Making the runtime tree (Debian 13 with QEMU and buildah), about half a minute …');
    const fresh = `${tree}.new`;
    const old = `${tree}.old`;
    mkdirSync(cacheDir, { recursive: true, mode: 0o755 });
    rmSync(fresh, { recursive: true, force: true });
    await runTool('mmdebstrap', [...recipe(), SUITE, fresh, MIRROR], {
      remedy:
        'Install mmdebstrap and, on Ubuntu, debian-archive-keyring; check that deb.debian.org is reachable.',
    });
    writeFileSync(join(fresh, STAMP), `${stamp}\n`);
    rmSync(old, { recursive: true, force: true });
    if (existsSync(tree)) renameSync(tree, old);
    renameSync(fresh, tree);
    rmSync(old, { recursive: true, force: true });
  }
  makeMountPoints(tree);
  copyTrust(tree);
}

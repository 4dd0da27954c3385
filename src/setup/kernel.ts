import { createHash } from 'node:crypto';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { type CpioFile, writeCpio } from './cpio.ts';
import { moduleLoadOrder } from './kernel-modules.ts';
import { runTool } from './run-tool.ts';
import { runtimeTree, runtimeTreeStamp } from './runtime-tree.ts';
import { uncompressedKernel } from './uncompressed-kernel.ts';

const META_PACKAGE = 'linux-image-cloud-amd64';
/** Drivers of the machine's devices; what the kernel has built in needs no module and is left out. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console', 'virtio_net', 'ext4'];
/** What the agent's services and resets need; what images with all capabilities may (nested containers). */
const MORE_MODULES = ['veth', 'tcp_diag', 'tun', 'fuse', 'overlay'];
/** `nobody`: apt and depmod need no rights on the host. */
const WORKER = 65534;
const REMEDY = 'Check that deb.debian.org is reachable over HTTP; set http_proxy where a proxy is needed.';

/**
 * Makes `cacheDir/kernel/{vmlinuz,vmlinux,initramfs}`. The kernel is downloaded once per runtime tree with the tree's own apt,
 * which checks Debian's signature; the initramfs is made again whenever kernel or guest agent changed.
 * Needs `cacheDir/bin/{jailer,guest-agent}`.
 * @throws SquibError when the download or one of the tools fails.
 */
export async function ensureKernel(cacheDir: string, say: (line: string) => void): Promise<void> {
  const folder = join(cacheDir, 'kernel');
  const stamp = `${runtimeTreeStamp(cacheDir)} ${[...MODULES, ...MORE_MODULES].join(' ')}`;
  if (readIfThere(join(folder, 'kernel-stamp')) !== stamp) {
    say('Downloading the guest kernel (35 MB) …');
    await unpackKernel(cacheDir, folder, stamp);
  }
  writeUncompressed(folder);
  writeInitramfs(folder, readFileSync(join(cacheDir, 'bin/guest-agent')));
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}

/** Runs a shell line in the runtime tree as nobody, with `scratch` as its writable /mnt and /tmp. */
async function inTree(cacheDir: string, scratch: string, line: string, args: string[] = []): Promise<string> {
  const proxy = process.env.http_proxy;
  const jail = [
    ...['--root', runtimeTree(cacheDir), '--uid', `${WORKER}`, '--gid', `${WORKER}`, '--keep-net'],
    ...['--bind', `${scratch}:/mnt:rw`, '--bind', `${join(scratch, 'tmp')}:/tmp:rw`],
    ...['--bind', '/etc/resolv.conf:/etc/resolv.conf', '--'],
    ...['/bin/sh', '-euc', proxy ? `export http_proxy='${proxy.replaceAll("'", '')}'; ${line}` : line, 'sh'],
  ];
  return runTool(join(cacheDir, 'bin/jailer'), [...jail, ...args], { remedy: REMEDY });
}

async function unpackKernel(cacheDir: string, folder: string, stamp: string): Promise<void> {
  const scratch = `${folder}.new`;
  rmSync(scratch, { recursive: true, force: true });
  for (const path of ['tmp', 'apt/lists/partial', 'apt/cache/archives/partial', 'unpacked'])
    mkdirSync(join(scratch, path), { recursive: true });
  chownTree(scratch, WORKER);
  const options = '-q -o Dir::State=/mnt/apt -o Dir::Cache=/mnt/apt/cache -o Acquire::Languages=none';
  const dependencies = await inTree(
    cacheDir,
    scratch,
    `apt-get ${options} update >&2 && apt-cache ${options} depends ${META_PACKAGE}`,
  );
  const name = /Depends: (linux-image-\S+)/.exec(dependencies)?.[1];
  if (!name)
    throw new SquibError(`Debian's package ${META_PACKAGE} names no kernel.`, 'Report this to squib.');
  await inTree(
    cacheDir,
    scratch,
    `cd /mnt && apt-get ${options} download "$1" && dpkg-deb -x "$1"_*.deb unpacked && depmod -b unpacked/usr "\${1#linux-image-}"`,
    [name],
  );
  const version = name.replace('linux-image-', '');
  const modules = join('unpacked/usr/lib/modules', version);
  const order = moduleLoadOrder(readFileSync(join(scratch, modules, 'modules.dep'), 'utf8'), [
    ...MODULES,
    ...MORE_MODULES,
  ]);
  await inTree(cacheDir, scratch, `cd '/mnt/${modules}' && xz -d "$@"`, order);
  mkdirSync(join(scratch, 'result/modules'), { recursive: true });
  for (const [index, path] of order.entries()) {
    const plain = path.replace(/\.xz$/, '');
    const target = `${String(index).padStart(2, '0')}-${basename(plain)}`;
    copyFileSync(join(scratch, modules, plain), join(scratch, 'result/modules', target));
  }
  copyFileSync(join(scratch, `unpacked/boot/vmlinuz-${version}`), join(scratch, 'result/vmlinuz'));
  writeFileSync(join(scratch, 'result/version'), `${version}\n`);
  writeFileSync(join(scratch, 'result/kernel-stamp'), `${stamp}\n`);
  chownTree(join(scratch, 'result'), 0);
  rmSync(folder, { recursive: true, force: true });
  renameSync(join(scratch, 'result'), folder);
  rmSync(scratch, { recursive: true, force: true });
}

function chownTree(folder: string, owner: number): void {
  chownSync(folder, owner, owner);
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, entry), owner, owner);
}

/**
 * The kernel as it is once it has unpacked itself (57 MB): QEMU starts it at its entry for virtual machines, and an
 * emulated processor is spared a second of unpacking.
 */
function writeUncompressed(folder: string): void {
  const target = join(folder, 'vmlinux');
  if (existsSync(target)) return;
  writeFileSync(`${target}.new`, uncompressedKernel(readFileSync(join(folder, 'vmlinuz'))));
  renameSync(`${target}.new`, target);
}

function writeInitramfs(folder: string, agent: Buffer): void {
  const names = readdirSync(join(folder, 'modules')).sort();
  const files: CpioFile[] = names.map((name) => ({
    name: `modules/${name}`,
    mode: 0o644,
    content: readFileSync(join(folder, 'modules', name)),
  }));
  const archive = writeCpio([{ name: 'init', mode: 0o755, content: agent }, ...files]);
  const target = join(folder, 'initramfs');
  const hash = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  if (existsSync(target) && hash(readFileSync(target)) === hash(archive)) return;
  writeFileSync(`${target}.new`, archive);
  renameSync(`${target}.new`, target);
}

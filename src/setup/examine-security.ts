import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Config, defaultConfigFile } from '../config/config.ts';
import { poolSize } from '../host/microvms/uid-pool.ts';
import type { Finding } from './examine.ts';

const loopback = ['127.0.0.1', '::1', 'localhost'];

/**
 * What of this machine's settings weakens the walls around MicroVMs (docs/security.md, "Hardening a host"). Reads files
 * only and sends nothing.
 * @param root of the machine's file system; another one in tests.
 */
export function examineSecurity(config: Config, root = '/'): Finding[] {
  const host = new HostFiles(root);
  return [
    sharedPages(host),
    threads(host),
    mitigations(host),
    userNamespaces(host),
    kernelInterfaces(host),
    tracing(host),
    coreDumps(host),
    swap(host),
    users(host, config),
    listening(config),
    ...privateFiles(host, config),
    programs(host, config),
    cloud(host),
  ];
}

class HostFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  at(path: string): string {
    return join(this.#root, path);
  }

  /** Trimmed; undefined when there is no such file. */
  read(path: string): string | undefined {
    try {
      return readFileSync(this.at(path), 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  list(path: string): string[] {
    try {
      return readdirSync(this.at(path));
    } catch {
      return [];
    }
  }
}

const ok = (subject: string, detail: string): Finding => ({ subject, state: 'ok', detail });
const weak = (subject: string, detail: string, remedy: string): Finding => ({
  ...{ subject, state: 'warning', detail, remedy },
});
const broken = (subject: string, detail: string, remedy: string): Finding => ({
  ...{ subject, state: 'problem', detail, remedy },
});

function sharedPages(host: HostFiles): Finding {
  const subject = 'shared memory pages';
  if (host.read('/sys/kernel/mm/ksm/run') !== '1') return ok(subject, 'KSM is off');
  const remedy = 'echo 2 >/sys/kernel/mm/ksm/run, and switch off what starts it (ksmtuned).';
  return weak(subject, 'KSM is on: one MicroVM can find out what another has in memory', remedy);
}

function threads(host: HostFiles): Finding {
  const subject = 'processor threads';
  const control = host.read('/sys/devices/system/cpu/smt/control');
  if (control !== 'on' || host.read('/sys/devices/system/cpu/smt/active') === '0')
    return ok(subject, 'no two of them share a core');
  const detail = 'simultaneous multithreading is on: MicroVMs share cores, and what leaks through them';
  return weak(subject, detail, 'Where tenants distrust each other: kernel parameter mitigations=auto,nosmt.');
}

function mitigations(host: HostFiles): Finding {
  const subject = 'processor faults';
  const folder = '/sys/devices/system/cpu/vulnerabilities';
  const open = host.list(folder).filter((name) => host.read(join(folder, name))?.startsWith('Vulnerable'));
  const off = /(^|\s)mitigations=off(\s|$)/.test(host.read('/proc/cmdline') ?? '');
  const remedy = 'Update kernel and microcode, and do not boot with mitigations=off.';
  if (off) return weak(subject, 'the kernel was started with mitigations=off', remedy);
  if (open.length > 0) return weak(subject, `not mitigated: ${open.join(', ')}`, remedy);
  return ok(subject, 'mitigated as far as this kernel knows them');
}

function userNamespaces(host: HostFiles): Finding {
  const subject = 'user namespaces';
  const forbidden =
    host.read('/proc/sys/kernel/unprivileged_userns_clone') === '0' ||
    host.read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1';
  if (forbidden) return ok(subject, 'only for the privileged, such as squib');
  return weak(
    subject,
    'everybody may make them, which opens much of the kernel to whoever breaks out',
    'sysctl -w kernel.unprivileged_userns_clone=0 (Debian) or kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu).',
  );
}

function kernelInterfaces(host: HostFiles): Finding {
  const subject = 'kernel interfaces';
  const wanted: [name: string, good: (value: string) => boolean, setting: string][] = [
    ['kernel/dmesg_restrict', (value) => value !== '0', 'kernel.dmesg_restrict=1'],
    ['kernel/kptr_restrict', (value) => value !== '0', 'kernel.kptr_restrict=1'],
    ['kernel/unprivileged_bpf_disabled', (value) => value !== '0', 'kernel.unprivileged_bpf_disabled=1'],
  ];
  const open = wanted.filter(([name, good]) => !good(host.read(`/proc/sys/${name}`) ?? '1'));
  if (open.length === 0) return ok(subject, 'logs, addresses and BPF are for the privileged');
  const settings = open.map(([, , setting]) => setting).join(' ');
  return weak(
    subject,
    `open to everybody: ${open.map(([name]) => name).join(', ')}`,
    `sysctl -w ${settings}`,
  );
}

function tracing(host: HostFiles): Finding {
  const subject = 'tracing';
  const scope = host.read('/proc/sys/kernel/yama/ptrace_scope');
  if (scope !== undefined && scope !== '0') return ok(subject, `Yama's ptrace_scope is ${scope}`);
  const detail = 'a process may trace others of its user (QEMUs all have users of their own)';
  return weak(subject, detail, 'sysctl -w kernel.yama.ptrace_scope=1');
}

function coreDumps(host: HostFiles): Finding {
  const subject = 'core dumps';
  const pattern = host.read('/proc/sys/kernel/core_pattern') ?? '';
  if (!pattern.startsWith('|')) return ok(subject, 'QEMU writes none');
  const detail = `a program collects them (${pattern.slice(1).split(/\s/)[0]}), memory of MicroVMs included`;
  return weak(
    subject,
    detail,
    'Let it keep none: Storage=none in coredump.conf, or kernel.core_pattern=core.',
  );
}

function swap(host: HostFiles): Finding {
  const subject = 'swap';
  const devices = (host.read('/proc/swaps') ?? '').split('\n').slice(1);
  const plain = devices
    .map((line) => line.split(/\s/)[0]!)
    .filter((name) => name && !isEncrypted(host, name));
  if (plain.length === 0) return ok(subject, devices.length === 0 ? 'none' : 'in memory or encrypted');
  const detail = `memory of MicroVMs may be written to ${plain.join(', ')} as it is`;
  return weak(subject, detail, 'Encrypt swap, use zram, or do without.');
}

function isEncrypted(host: HostFiles, device: string): boolean {
  const name = device.split('/').at(-1) ?? '';
  return (
    name.startsWith('zram') || (host.read(`/sys/class/block/${name}/dm/uuid`) ?? '').startsWith('CRYPT-')
  );
}

function users(host: HostFiles, { firstUid }: Config): Finding {
  const subject = 'user ids of QEMU';
  const last = firstUid + poolSize - 1;
  const inRange = (first: number, count = 1) => first <= last && first + count > firstUid;
  const lines = (path: string) => (host.read(path) ?? '').split('\n').map((line) => line.split(':'));
  const taken = [
    ...lines('/etc/passwd').filter(([, , uid]) => uid && inRange(Number(uid))),
    ...lines('/etc/subuid').filter(([, first, count]) => count && inRange(Number(first), Number(count))),
  ].map(([name]) => name);
  if (taken.length === 0) return ok(subject, `${firstUid} to ${last} belong to nobody else`);
  const detail = `${[...new Set(taken)].join(', ')} may use some of ${firstUid} to ${last}`;
  return broken(
    subject,
    detail,
    'Change the setting firstUid, or what /etc/passwd and /etc/subuid give away.',
  );
}

function listening({ api, apiInMicrovms }: Config): Finding {
  const subject = 'API';
  if (!loopback.includes(api.host)) {
    const detail = `listens on ${api.host} without TLS: whoever is on the way reads payloads and tokens`;
    return weak(subject, detail, 'Let it listen on 127.0.0.1, with a proxy that speaks TLS before it.');
  }
  const inside = apiInMicrovms ? ', and in MicroVMs (apiInMicrovms)' : '';
  return ok(subject, `only on ${api.host}${inside}`);
}

/** Files that hold secrets, or decide about them. */
function privateFiles(host: HostFiles, config: Config): Finding[] {
  const findings: Finding[] = [];
  const secret = [
    ...Object.values(config.roles).flatMap(
      (role) => role.credentialsFile ?? role.assumeRole?.credentialsFile ?? [],
    ),
    ...Object.values(config.registries).map(({ passwordFile }) => passwordFile),
    ...(config.s3.credentialsFile ? [config.s3.credentialsFile] : []),
    ...host.list(join(config.dataDir, 'keys')).map((name) => join(config.dataDir, 'keys', name)),
  ].filter((path) => !path.endsWith('/ca.pem'));
  const wrong: string[] = [];
  const check = (path: string, mask: number) => {
    const file = host.at(path);
    if (existsSync(file) && (statSync(file).mode & mask) !== 0) wrong.push(path);
  };
  check(config.dataDir, 0o077);
  for (const path of secret) check(path, 0o077);
  const subject = 'secrets on disk';
  const remedy = `chmod go= ${wrong.join(' ')}`;
  findings.push(
    wrong.length > 0
      ? broken(subject, `others than root may read ${wrong.join(', ')}`, remedy)
      : ok(subject, `${config.dataDir} and ${secret.length} files are root's alone`),
  );
  const settings = process.env.SQUIB_CONFIG ?? defaultConfigFile;
  const writable = writableByOthers(host, settings);
  if (writable)
    findings.push(
      broken('configuration', `others than root may change ${writable}`, `chmod go-w ${writable}`),
    );
  return findings;
}

/** What root runs must be changed by nobody else. */
function programs(host: HostFiles, { cacheDir }: Config): Finding {
  const subject = 'programs';
  const parts = ['bin', 'kernel', 'runtime', 'runtime/usr/bin'].map((name) => join(cacheDir, name));
  const files = ['bin/jailer', 'bin/guest-agent', 'kernel/vmlinuz', 'kernel/vmlinux', 'kernel/initramfs'].map(
    (name) => join(cacheDir, name),
  );
  const writable = [cacheDir, ...parts, ...files].map((path) => writableByOthers(host, path)).find(Boolean);
  if (!writable) return ok(subject, `${cacheDir} can be changed by root alone`);
  return broken(
    subject,
    `others than root may change ${writable}`,
    `chown root ${writable}; chmod go-w ${writable}`,
  );
}

/** The path or the first folder above it that others may write to. */
function writableByOthers(host: HostFiles, path: string): string | undefined {
  if (!existsSync(host.at(path))) return undefined;
  let at = realpathSync(host.at(path));
  const top = realpathSync(host.at('/'));
  for (;;) {
    const { mode, uid } = statSync(at);
    const sticky = (mode & 0o1000) !== 0;
    if (uid !== 0 || ((mode & 0o022) !== 0 && !sticky)) return at;
    if (at === top || at === dirname(at)) return undefined;
    at = dirname(at);
  }
}

function cloud(host: HostFiles): Finding {
  const subject = 'cloud';
  const vendor = host.read('/sys/class/dmi/id/sys_vendor') ?? '';
  const known = /Amazon|Google|Microsoft|DigitalOcean|Hetzner|OpenStack|Alibaba|Oracle/i.exec(vendor)?.[0];
  if (!known) return ok(subject, 'no sign of a metadata service outside');
  const detail = `a machine of ${known}: its metadata service is kept from MicroVMs and builds`;
  return weak(
    subject,
    detail,
    'Give the machine no role, or require tokens with a hop limit of 1 all the same.',
  );
}

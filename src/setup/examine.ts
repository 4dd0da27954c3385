import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { freemem, release } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { createEngine } from '../engine/engine.ts';
import { createLog } from '../log/log.ts';
import { examineLimits } from './examine-limits.ts';
import { examineNetwork } from './examine-network.ts';
import { prerequisites } from './prerequisites.ts';
import { setUpParts } from './set-up-parts.ts';

/** What `squib doctor` says about one thing. */
export interface Finding {
  subject: string;
  state: 'ok' | 'warning' | 'problem';
  detail: string;
  remedy?: string;
}

const GiB = 1024 ** 3;
const setup = "Run 'squib setup'.";

/** Looks at everything that squib needs on this machine; changes nothing but the remembered verdict on KVM. */
export async function examine(config: Config): Promise<Finding[]> {
  const findings = [system(), user(), ...packages(), ...cache(config)];
  const ready = findings.every(({ state }) => state !== 'problem');
  findings.push(await engine(config, ready));
  findings.push(await port('API port', config.api.host, config.api.port, 'api.port'));
  findings.push(await endpointPort(config));
  findings.push(await names(config));
  findings.push(
    await disk('data directory', config.dataDir, 10),
    await disk('cache directory', config.cacheDir, 3),
  );
  findings.push(...examineNetwork(), memory(), namespaces(), await examineLimits(config.dataDir));
  return findings;
}

function system(): Finding {
  const subject = 'system';
  const detail = `Linux ${release()} ${process.arch}, Node.js ${process.versions.node}`;
  const major = Number(process.versions.node.split('.')[0]);
  if (process.platform !== 'linux') {
    return { subject, state: 'problem', detail: process.platform, remedy: 'Use Linux.' };
  }
  if (major < 24) return { subject, state: 'problem', detail, remedy: 'Use Node.js 24 or newer.' };
  if (process.arch !== 'x64') {
    return { subject, state: 'problem', detail, remedy: 'Only x86-64 works so far; arm64 is planned.' };
  }
  const [kernelMajor = 0, kernelMinor = 0] = release().split('.').map(Number);
  if (kernelMajor < 5 || (kernelMajor === 5 && kernelMinor < 19)) {
    const remedy =
      'Use Linux 5.19 or newer: image builds mount with shifted owners (Debian 12, Ubuntu 24.04).';
    return { subject, state: 'problem', detail, remedy };
  }
  return { subject, state: 'ok', detail };
}

function user(): Finding {
  const root = process.getuid?.() === 0;
  return root
    ? { subject: 'user', state: 'ok', detail: 'root' }
    : { subject: 'user', state: 'problem', detail: 'not root', remedy: 'Run squib with sudo.' };
}

function packages(): Finding[] {
  return prerequisites.map((item) => ({
    subject: item.package,
    detail: item.why,
    ...(item.present() ? { state: 'ok' } : { state: 'problem', remedy: `apt-get install ${item.package}` }),
  }));
}

function cache(config: Config): Finding[] {
  return setUpParts.map(({ name: subject, path, what: detail }) => {
    const there = existsSync(join(config.cacheDir, path));
    return there
      ? { subject, state: 'ok', detail }
      : { subject, state: 'problem', detail: `${join(config.cacheDir, path)} is missing`, remedy: setup };
  });
}

async function engine(config: Config, ready: boolean): Promise<Finding> {
  const subject = 'engine';
  if (!ready) return { subject, state: 'warning', detail: 'not tried, because something above is missing' };
  try {
    const log = createLog(() => {});
    const { accelerator, accelerationReason } = await createEngine({
      cacheDir: config.cacheDir,
      log,
      accelerator: config.accelerator,
    });
    const detail = `QEMU with ${accelerator.toUpperCase()}: ${accelerationReason}`;
    if (accelerator === 'kvm') return { subject, state: 'ok', detail };
    return {
      subject,
      state: 'warning',
      detail,
      remedy: 'It works without KVM, only slower. A machine with working KVM makes it faster.',
    };
  } catch (error) {
    return { subject, state: 'problem', detail: (error as Error).message, remedy: setup };
  }
}

async function port(subject: string, host: string, number: number, setting: string): Promise<Finding> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host, port: number }, () => resolve(true));
  });
  await new Promise((resolve) => server.close(resolve));
  const detail = `${host}:${number}`;
  if (free) return { subject, state: 'ok', detail: `${detail} is free` };
  if (await answers(host, number)) {
    return { subject, state: 'warning', detail: `${detail} is in use (by squib, if it is up)` };
  }
  return {
    subject,
    state: 'problem',
    detail: `${detail} cannot be bound`,
    remedy: `Change the setting ${setting}.`,
  };
}

function endpointPort(config: Config): Promise<Finding> {
  const { host, port: number } = config.endpoint;
  return port('endpoint port', host, number === 0 ? 443 : number, 'endpoint.port');
}

function answers(host: string, number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: number }, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function names(config: Config): Promise<Finding> {
  const subject = 'endpoint names';
  const name = `doctor.lambda-microvm.${config.region}.${config.endpoint.domain}`;
  try {
    const { address } = await lookup(name);
    return { subject, state: 'ok', detail: `*.${config.endpoint.domain} resolves to ${address}` };
  } catch {
    return {
      subject,
      state: 'warning',
      detail: `${name} does not resolve`,
      remedy: "Check that 'myhostname' stands in the hosts line of /etc/nsswitch.conf.",
    };
  }
}

async function disk(subject: string, path: string, wantedGiB: number): Promise<Finding> {
  let there = path;
  while (!existsSync(there)) there = join(there, '..');
  const { bavail, bsize } = await statfs(there);
  const free = (bavail * bsize) / GiB;
  const detail = `${path}, ${free.toFixed(1)} GiB free`;
  if (free >= wantedGiB) return { subject, state: 'ok', detail };
  return {
    subject,
    state: free < 1 ? 'problem' : 'warning',
    detail,
    remedy: `Free some: ${wantedGiB} GiB is a start.`,
  };
}

function memory(): Finding {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? freemem() / 1024) / 1024 ** 2;
  const detail = `${available.toFixed(1)} GiB available`;
  if (available >= 2) return { subject: 'memory', state: 'ok', detail };
  return {
    subject: 'memory',
    state: 'warning',
    detail,
    remedy: 'A MicroVM takes 50 MiB and what it touches.',
  };
}

function namespaces(): Finding {
  const subject = 'user namespaces';
  const limit = Number(readFileSync('/proc/sys/user/max_user_namespaces', 'utf8'));
  if (limit > 0) return { subject, state: 'ok', detail: 'image builds can have their own' };
  return {
    subject,
    state: 'problem',
    detail: 'switched off',
    remedy: 'sysctl -w user.max_user_namespaces=10000',
  };
}

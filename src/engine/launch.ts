import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlGroup } from '../control-groups/control-group.ts';
import { MachineFailed } from './errors.ts';
import { CHANNEL_FD, QMP_FD, TAP_FD } from './machine-arguments.ts';
import { machineFiles } from './machine-record.ts';
import { type ProcessIdentity, readPidFile } from './process-identity.ts';
import { Qmp } from './qmp.ts';

const READY_FD = 3;
const KEPT_ERRORS = 4000;

/** A TAP interface that was made before and is up. */
export interface Tap {
  name: string;
  /** Path of the network namespace that it is in. */
  networkNamespace: string;
}

export interface LaunchOrder {
  cacheDir: string;
  dir: string;
  uid: number;
  /** Host files and where the jail shows them. */
  files: { source: string; target: string; writable?: boolean }[];
  kvm: boolean;
  /** Where the machine's network card leads to; undefined: nowhere. */
  tap: Tap | undefined;
  /** What it may use; undefined: whatever it wants. */
  group: ControlGroup | undefined;
  /** Program and arguments. */
  command: string[];
}

/** A QEMU that has just been started: it may not have come up yet, but takes commands. */
export interface Launched {
  process: ProcessIdentity;
  qmp: Qmp;
  /** Resolves with how the process ended and what it last wrote to standard error. */
  ended: Promise<string>;
}

/**
 * Starts QEMU in its jail. It is in a session of its own and outlives this process. Nothing is polled: the jailer says
 * when the sockets listen, and what is sent to them then waits until QEMU reads it.
 * @throws MachineFailed when the jail cannot be made.
 */
export async function launch(o: LaunchOrder): Promise<Launched> {
  const files = machineFiles(o.dir);
  await rm(files.pid, { force: true });
  const child = spawn(join(o.cacheDir, 'bin/jailer'), [...jailArguments(o), '--', ...o.command], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  // QEMU ignores SIGPIPE, so it may go on writing here after this process has gone.
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-KEPT_ERRORS);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      resolve(errors.trim() ? `${how}: ${errors.trim()}` : how);
    });
  });
  const ready = child.stdio[READY_FD]!;
  const listening = new Promise<boolean>((resolve) => {
    ready.once('data', () => resolve(true));
    ready.once('close', () => resolve(false));
  });
  const started = await listening;
  ready.destroy();
  const process = readPidFile(files.pid);
  if (!started || !process) {
    const how = await ended;
    await o.group?.remove();
    throw new MachineFailed(`QEMU ${how}`);
  }
  try {
    return { process, qmp: await Qmp.connect(files.qmp), ended };
  } catch (cause) {
    child.kill('SIGKILL');
    const how = await ended;
    await o.group?.remove();
    throw new MachineFailed(`QEMU ${how}`, { cause });
  }
}

function jailArguments(o: LaunchOrder): string[] {
  const files = machineFiles(o.dir);
  return [
    ...['--root', join(o.cacheDir, 'runtime'), '--uid', `${o.uid}`, '--gid', `${o.uid}`],
    ...['--pid-file', files.pid, '--ready-fd', `${READY_FD}`],
    ...['--listen', `${QMP_FD}:${files.qmp}`, '--listen', `${CHANNEL_FD}:${files.channel}`],
    ...['--limit', 'core=0', '--limit', 'nofile=1024'],
    ...['--tap', o.tap ? `${TAP_FD}:${o.tap.name}:${o.tap.networkNamespace}` : `${TAP_FD}:none`],
    ...(o.group?.folders() ?? []).flatMap((folder) => ['--control-group', folder]),
    ...(o.kvm ? ['--device', 'kvm'] : []),
    ...o.files.flatMap((f) => ['--bind', `${f.source}:${f.target}${f.writable ? ':rw' : ''}`]),
  ];
}

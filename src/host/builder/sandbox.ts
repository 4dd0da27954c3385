import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ControlGroup } from '../../control-groups/control-group.ts';
import type { Limits } from '../../control-groups/limits.ts';
import { hostResolvers } from '../network/host-network.ts';
import { connectNetwork } from './network.ts';
import type { Slot } from './slots.ts';

const scripts = join(import.meta.dirname, 'sandbox');

/** A file or directory of the host that a job sees at /mnt/`name`, with the owners it has on disk. */
export interface Bind {
  source: string;
  name: string;
  writable?: boolean;
}

export interface SandboxOptions {
  /** Root of Debian 13 with buildah, skopeo and e2fsprogs; read-only inside. */
  tree: string;
  /** Script of the folder `sandbox` that is run. */
  job: 'build-job.sh' | 'pull-job.sh' | 'remove-job.sh';
  env: Record<string, string>;
  /** Host directory for small files of the sandbox itself and, below, results. */
  scratch: string;
  /** Seen at /mnt/out; whatever lies there afterwards was written by a tenant. */
  out: string;
  binds: Bind[];
  firstUid: number;
  /** With a slot: a network of its own that reaches only the internet. Without: the host's. */
  slot?: Slot;
  /** ext4 image that becomes /mnt/store: the quota of the job. */
  store?: string;
  /** What all processes of the job may use together. */
  limits?: Limits;
  /** Programs of the job may gain rights by setuid, inside its user namespace. */
  setuid?: boolean;
  signal: AbortSignal;
  /** Standard output and error of the job, while it runs. `view` looks at its disk. */
  onOutput(chunk: Buffer, view: SandboxView): void;
}

export interface SandboxView {
  /** Whether less than 1/256 of the job's store is left. */
  storeIsFull(): boolean;
}

/**
 * Runs a job in namespaces of its own; resolves with its exit code (137 after an abort) when every process, mount, loop
 * device and interface of it is gone. All of those live in the namespaces, and those die with the process that is
 * started here, which dies with this daemon, so a killed daemon leaves none of them either.
 */
export async function runInSandbox(options: SandboxOptions): Promise<number> {
  const { slot, firstUid } = options;
  await mkdir(options.out, { recursive: true });
  await chown(options.out, firstUid, firstUid);
  const root = join(options.scratch, 'root');
  await mkdir(root, { recursive: true });
  const resolv = join(options.scratch, 'resolv.conf');
  const resolvers = slot ? await hostResolvers() : undefined;
  await writeFile(resolv, resolvers ? resolvers.map((server) => `nameserver ${server}\n`).join('') : '');

  const group =
    options.limits && slot
      ? await ControlGroup.make(`squib-build-${slot.number}`, options.limits)
      : undefined;
  const namespaces = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--ipc',
    '--uts',
    ...(slot ? ['--net'] : []),
  ];
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'unshare', ...namespaces, '--', '/bin/sh', join(scripts, 'outer.sh')],
    {
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        ...options.env,
        SQUIB_JOB: options.job,
        SQUIB_TREE: options.tree,
        SQUIB_ROOT: root,
        SQUIB_SCRIPTS: scripts,
        SQUIB_STORE: options.store ?? '',
        SQUIB_OUT: options.out,
        SQUIB_RESOLV: resolvers ? resolv : '/etc/resolv.conf',
        SQUIB_BINDS: options.binds
          .map(({ source, name, writable }) => `${writable ? 'rw' : 'ro'} ${name} ${source}`)
          .join('\n'),
        SQUIB_GROUPS: group?.folders().join(' ') ?? '',
        SQUIB_SETUID: options.setuid ? '1' : '',
        SQUIB_UIDS: String(firstUid),
        SQUIB_ADDRESS: slot?.address ?? '',
        SQUIB_GATEWAY: slot?.gateway ?? '',
      },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
    },
  );
  const view = { storeIsFull: () => child.pid !== undefined && isFull(`/proc/${child.pid}/root/mnt/store`) };
  for (const stream of [child.stdout, child.stderr] as Readable[])
    stream.on('data', (chunk: Buffer) => options.onOutput(chunk, view));
  child.stdin.on('error', () => {}); // the job may be gone before it was told to start
  // 'close' comes when the last process that holds the output is gone: the whole PID namespace is.
  const closed = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, killer) => resolve(killer ? 137 : (code ?? 1)));
  });
  const kill = () => child.kill('SIGKILL');
  options.signal.addEventListener('abort', kill, { once: true });
  if (options.signal.aborted) kill();
  try {
    if (slot && child.pid !== undefined) {
      await once(child.stdio[3] as Readable, 'readable');
      await connectNetwork(slot, child.pid);
    }
    child.stdin.end('go\n');
    return await closed;
  } catch (error) {
    kill();
    await closed.catch(() => {});
    throw error;
  } finally {
    options.signal.removeEventListener('abort', kill);
    await group?.remove();
  }
}

/** The path leads through the sandbox's outer mount namespace, which no tenant can change. */
function isFull(store: string): boolean {
  try {
    const { bavail, blocks } = statfsSync(store);
    return bavail < blocks / 256;
  } catch {
    return false; // the job has just ended
  }
}

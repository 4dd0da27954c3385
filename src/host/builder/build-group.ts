import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What the processes of one job may use together. */
export interface BuildLimits {
  memoryBytes: number;
  processes: number;
}

/** Control groups of one build: one folder under cgroup v2, one per controller under v1. */
export interface BuildGroup {
  folders: string[];
  /** Removes them; the processes in them are gone or going. */
  remove(): Promise<void>;
}

const root = '/sys/fs/cgroup';

/**
 * Makes the control groups of the build in a slot. Knows cgroup v2, and v1 also where the two are mixed; a host that
 * has a controller in neither form limits nothing there (`squib doctor` says so).
 */
export async function makeBuildGroup(slot: number, limits: BuildLimits): Promise<BuildGroup> {
  const name = `squib-build-${slot}`;
  const folders: string[] = [];
  const controllers = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => undefined);
  if (controllers !== undefined) {
    const folder = join(root, name);
    const wanted = ['memory', 'pids'].filter((controller) => controllers.split(/\s/).includes(controller));
    await writeFile(join(root, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' ')).catch(
      () => {},
    );
    await make(folder, folders);
    await set(folder, 'memory.max', limits.memoryBytes);
    await set(folder, 'memory.swap.max', 0);
    await set(folder, 'pids.max', limits.processes);
  } else {
    const memory = join(root, 'memory', name);
    if (await make(memory, folders)) await set(memory, 'memory.limit_in_bytes', limits.memoryBytes);
    const pids = join(root, 'pids', name);
    if (await make(pids, folders)) await set(pids, 'pids.max', limits.processes);
  }
  return { folders, remove: () => removeAll(folders) };
}

/** Which of the two limits this host can set. */
export async function limitableResources(): Promise<('memory' | 'pids')[]> {
  const v2 = await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => undefined);
  const has = async (controller: 'memory' | 'pids') =>
    v2 !== undefined
      ? v2.split(/\s/).includes(controller)
      : (await readFile(join(root, controller, 'cgroup.procs'), 'utf8').catch(() => undefined)) !== undefined;
  return [
    ...((await has('memory')) ? ['memory' as const] : []),
    ...((await has('pids')) ? ['pids' as const] : []),
  ];
}

async function make(folder: string, made: string[]): Promise<boolean> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return false;
    if (code !== 'EEXIST') throw error; // left by a builder that was killed
  }
  made.push(folder);
  return true;
}

/** Not every kernel has every limit: one without swap accounting has no `memory.swap.max`. */
async function set(folder: string, file: string, value: number): Promise<void> {
  await writeFile(join(folder, file), String(value), { flag: 'r+' }).catch((error) => {
    if (!['ENOENT', 'EACCES', 'EPERM'].includes(error.code)) throw error;
  });
}

/** A group is busy until its last process has been waited for. */
async function removeAll(folders: string[]): Promise<void> {
  for (const folder of folders) {
    for (let attempt = 0; attempt < 100; attempt++) {
      try {
        await rmdir(folder);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') break;
        await delay(20);
      }
    }
  }
}

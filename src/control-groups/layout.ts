import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a control group can limit; `io` is called blkio in version 1. */
export type Controller = 'cpu' | 'memory' | 'pids' | 'io';

export const controllers: readonly Controller[] = ['cpu', 'memory', 'pids', 'io'];

/** Where a controller's groups are made. */
export interface Mounted {
  version: 1 | 2;
  folder: string;
}

/** Absent: this host cannot limit it. */
export type Layout = Partial<Record<Controller, Mounted>>;

export const defaultRoot = '/sys/fs/cgroup';

/**
 * Finds every controller: all in one tree (version 2), each in its own (version 1), or some here and some there
 * (the hybrid layout, whose version 2 part is mounted below `unified`).
 */
export async function readLayout(root = defaultRoot): Promise<Layout> {
  const layout: Layout = {};
  for (const folder of [root, join(root, 'unified')]) {
    const names = await readFile(join(folder, 'cgroup.controllers'), 'utf8').catch(() => '');
    const there = names.split(/\s+/);
    for (const each of controllers) if (there.includes(each)) layout[each] ??= { version: 2, folder };
  }
  for (const each of controllers) {
    const folder = join(root, each === 'io' ? 'blkio' : each);
    const made = await stat(join(folder, 'cgroup.procs')).catch(() => undefined);
    if (made) layout[each] ??= { version: 1, folder };
  }
  return layout;
}

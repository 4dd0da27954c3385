import { rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlGroup } from './control-group.ts';
import { type Controller, controllers, defaultRoot, readLayout } from './layout.ts';
import { essential, type Limits, settings } from './limits.ts';

/** Limits that a trial sets; none of them is felt, because no process is in the group. */
const trial: Limits = { processors: 1, share: 1, memoryBytes: 2 ** 30, processes: 64 };

/** Which limits really can be set on this host, tried out on a group of its own, and in which version. */
export async function usableControllers(
  disk: string | undefined,
  root = defaultRoot,
): Promise<Partial<Record<Controller, 1 | 2>>> {
  const layout = await readLayout(root);
  const limits = disk ? { ...trial, disk: { device: disk, bytesPerSecond: 2 ** 30 } } : trial;
  const group = await ControlGroup.make(`squib-trial-${process.pid}`, limits, layout);
  const usable: Partial<Record<Controller, 1 | 2>> = {};
  try {
    for (const controller of controllers) {
      const mounted = layout[controller];
      if (!mounted) continue;
      const file = essential[controller][mounted.version];
      const wanted = settings(limits, controller, mounted.version).find(([name]) => name === file);
      if (!wanted) continue;
      const path = join(mounted.folder, group.name, wanted[0]);
      if (await writeFile(path, wanted[1], { flag: 'r+' }).then(yes, no))
        usable[controller] = mounted.version;
    }
  } finally {
    for (const folder of group.folders()) await rmdir(folder).catch(() => {});
  }
  return usable;
}

const yes = () => true;
const no = () => false;

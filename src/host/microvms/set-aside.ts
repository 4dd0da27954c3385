import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How many damaged MicroVMs are kept for a look at them; each may be as large as its memory and disk. */
const mostKept = 10;

/**
 * Moves the files of a MicroVM that cannot be restored into `damaged/`, where an operator may look at them and save
 * what is on its disk. The oldest ones give way.
 * @returns where they are now
 */
export async function setAside(dir: string, damagedFolder: string, microvmId: string): Promise<string> {
  await mkdir(damagedFolder, { recursive: true, mode: 0o700 });
  const target = join(damagedFolder, microvmId);
  await rm(target, { recursive: true, force: true });
  await rename(dir, target);
  const ages = await Promise.all(
    (await readdir(damagedFolder)).map(async (name) => {
      const path = join(damagedFolder, name);
      return { path, changed: (await stat(path)).ctimeMs };
    }),
  );
  ages.sort((one, other) => other.changed - one.changed);
  for (const { path } of ages.slice(mostKept)) await rm(path, { recursive: true, force: true });
  return target;
}

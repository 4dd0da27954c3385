import { link, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** In a version's folder: id of the container image that its root filesystem was made of. */
export const imageIdFile = 'image-id';

/**
 * Pristine root filesystems of an image's versions by the id of their container image. A version that comes out the
 * same shares the file through a hard link; its space is free when the last version with it is deleted. Only versions
 * of the same image are asked, because a hostile build may claim any id.
 *
 * @param into new folder for links of our own, so that a version may be deleted meanwhile
 * @param diskBytes only filesystems of this size
 */
export async function earlierRootfs(
  imageFolder: string,
  into: string,
  diskBytes: number,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await mkdir(into, { mode: 0o700 });
  for (const version of await readdir(imageFolder).catch(() => [] as string[])) {
    const rootfs = join(imageFolder, version, 'rootfs.ext4');
    const id = await readFile(join(imageFolder, version, imageIdFile), 'utf8').catch(() => '');
    const stats = await stat(rootfs).catch(() => undefined);
    if (!/^[0-9a-f]{64}$/.test(id) || stats?.size !== diskBytes || found.has(id)) continue;
    const own = join(into, id);
    await link(rootfs, own).then(
      () => found.set(id, own),
      () => {}, // it was deleted just now
    );
  }
  return found;
}

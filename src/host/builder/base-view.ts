import { copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bind } from './sandbox.ts';

interface Image {
  id: string;
  names?: string[];
  layer?: string;
}

interface Layer {
  id: string;
  parent?: string;
}

/**
 * A store that holds a build's own base images and no others: whoever gets around the root of a RUN step finds nothing
 * that the build may not have. Records are copied into `folder`; the layers themselves are the shared ones.
 *
 * @param store containers-storage with the images of all builds
 * @param folder new, for the records
 * @returns what the sandbox has to bind, outermost first
 */
export async function baseView(store: string, references: string[], folder: string): Promise<Bind[]> {
  const images = (await records<Image>(join(store, 'overlay-images/images.json')))
    .map((image) => ({ ...image, names: image.names?.filter((name) => references.includes(name)) ?? [] }))
    .filter(({ names }) => names.length > 0);
  const known = new Map(
    (await records<Layer>(join(store, 'overlay-layers/layers.json'))).map((layer) => [layer.id, layer]),
  );
  const layers = new Map<string, Layer>();
  for (const image of images) {
    for (let layer = known.get(image.layer ?? ''); layer; layer = known.get(layer.parent ?? ''))
      layers.set(layer.id, layer);
  }
  for (const name of ['overlay/l', 'overlay-images', 'overlay-layers', 'overlay-containers'])
    await mkdir(join(folder, name), { recursive: true });
  for (const lock of [
    'storage.lock',
    'userns.lock',
    'overlay-images/images.lock',
    'overlay-layers/layers.lock',
  ])
    await copyFile(join(store, lock), join(folder, lock)).catch(
      unlessMissing(() => writeFile(join(folder, lock), '')),
    );
  await writeFile(join(folder, 'overlay-images/images.json'), JSON.stringify(images));
  await writeFile(join(folder, 'overlay-layers/layers.json'), JSON.stringify([...layers.values()]));
  for (const { id } of images)
    await cp(join(store, 'overlay-images', id), join(folder, 'overlay-images', id), { recursive: true });
  for (const id of layers.keys()) {
    const split = join('overlay-layers', `${id}.tar-split.gz`);
    await copyFile(join(store, split), join(folder, split)).catch(unlessMissing(() => {}));
    await mkdir(join(folder, 'overlay', id));
    const link = await readFile(join(store, 'overlay', id, 'link'), 'utf8');
    await symlink(`../${id}/diff`, join(folder, 'overlay/l', link.trim()));
  }
  return [
    { source: folder, name: 'base' },
    ...[...layers.keys()].map((id) => ({ source: join(store, 'overlay', id), name: `base/overlay/${id}` })),
  ];
}

/** Empty for a store that nothing was put into yet. */
async function records<T>(path: string): Promise<T[]> {
  return JSON.parse(await readFile(path, 'utf8').catch(unlessMissing(() => '[]'))) as T[];
}

function unlessMissing<T>(otherwise: () => T) {
  return (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return otherwise();
  };
}

import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An image in the store of base images. */
export interface StoredImage {
  /** Digest of its configuration, 64 hexadecimal digits. */
  id: string;
  /** Full references; none for one that a newer one has replaced. */
  names: string[];
  /** Digest of its manifest, as after the `@` in `FROM name@sha256:…`. */
  digest: string;
  /** Unpacked bytes of its layers; images may share layers. */
  bytes: number;
}

interface LayerRecord {
  id: string;
  parent?: string;
  'diff-size'?: number;
}

/** What is in a containers-storage folder; empty when there is none yet. */
export async function storedImages(store: string): Promise<StoredImage[]> {
  const images = await records<{ id: string; names?: string[]; digest?: string; layer?: string }>(
    join(store, 'overlay-images', 'images.json'),
  );
  const layers = new Map(
    (await records<LayerRecord>(join(store, 'overlay-layers', 'layers.json'))).map((layer) => [
      layer.id,
      layer,
    ]),
  );
  return images.map(({ id, names, digest, layer: top }) => {
    let bytes = 0;
    for (let layer = layers.get(top ?? ''); layer; layer = layers.get(layer.parent ?? '')) {
      bytes += layer['diff-size'] ?? 0;
    }
    return { id, names: names ?? [], digest: digest ?? '', bytes };
  });
}

/** To be called when images were removed: layers of the cache may rest on what is gone. */
export async function beginGeneration(store: string): Promise<void> {
  await writeFile(join(store, 'generation'), randomUUID());
}

async function records<T>(path: string): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '[]';
    throw error;
  });
  return JSON.parse(text) as T[];
}

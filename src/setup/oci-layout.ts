import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** A layer that is stored in a layout; `diffId` is the digest of the uncompressed tar. */
export interface LayerBlob extends Descriptor {
  diffId: string;
}

/** Compresses a tar file into the layout's blobs. */
export async function writeLayer(layout: string, tarFile: string): Promise<LayerBlob> {
  const diff = createHash('sha256');
  const blob = createHash('sha256');
  let size = 0;
  const partial = join(layout, 'layer.partial');
  await pipeline(
    createReadStream(tarFile),
    tap((chunk) => diff.update(chunk)),
    createGzip({ level: 1 }),
    tap((chunk) => {
      blob.update(chunk);
      size += chunk.length;
    }),
    new PassThrough(),
    createWriteStream(partial),
  );
  const digest = blob.digest('hex');
  await rename(partial, join(layout, 'blobs', 'sha256', digest));
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${digest}`,
    size,
    diffId: `sha256:${diff.digest('hex')}`,
  };
}

/** Writes configuration and manifest of one image; returns its entry for the index. */
export async function writeImage(
  layout: string,
  tag: string,
  layers: LayerBlob[],
  config: Record<string, unknown>,
): Promise<Descriptor & { annotations: Record<string, string> }> {
  const configuration = await writeJson(layout, 'application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    // buildah's layer cache compares the times too, and never finds an entry without one.
    history: layers.map(() => ({ created: '2000-01-01T00:00:00Z', created_by: 'squib stand-in image' })),
  });
  const manifest = await writeJson(layout, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: configuration,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  return { ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } };
}

/** Completes the layout; the index comes last, so that a layout with an index is whole. */
export async function writeLayout(layout: string, manifests: Descriptor[]): Promise<void> {
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

async function writeJson(layout: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const text = JSON.stringify(value);
  const digest = createHash('sha256').update(text).digest('hex');
  await writeFile(join(layout, 'blobs', 'sha256', digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}

function tap(look: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      look(chunk);
      done(null, chunk);
    },
  });
}

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeImage, writeLayer, writeLayout } from '../../../src/setup/oci-layout.ts';

/** Two small images, `one` and `two`, that differ in an environment variable. */
export async function makeLayout(layout: string, tags = ['one', 'two'], content = 'root'): Promise<void> {
  mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true });
  const root = `${layout}-root`;
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc', 'passwd'), `${content}:x:0:0:root:/root:/bin/sh\n`);
  spawnSync('tar', ['-C', root, '-cf', `${layout}.tar`, '.']);
  const layer = await writeLayer(layout, `${layout}.tar`);
  const manifests = [];
  for (const tag of tags) {
    const Env = [`VERSION=${tag === 'one' ? 1 : 2}`];
    manifests.push(await writeImage(layout, tag, [layer], { Env }));
  }
  await writeLayout(layout, manifests);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../../config/config.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { BaseImages } from '../../host/builder/base-images.ts';
import { LayerCache } from '../../host/builder/layer-cache.ts';
import type { Command } from '../command.ts';

export const prune: Command = {
  summary: 'free disk space: layers of earlier builds, base images that were replaced',
  usage: `squib prune [--keep GIB]

Removes the layer cache of image builds, or all of it but GIB, what was not used for longest first, and base images that
newer ones have replaced. The next build of an image takes longer for it; images and MicroVMs do not change. Needs root.`,
  async run(args) {
    const config = { config: { type: 'string' }, keep: { type: 'string', default: '0' } } as const;
    const { values } = parseArgs({ args, options: config });
    const keep = Number(values.keep);
    if (!(keep >= 0)) throw new SquibError(`'${values.keep}' is no size in GiB.`, 'For example: --keep 2');
    const settings = readConfig(values.config);
    const layers = new LayerCache(settings.cacheDir, settings.builds.cacheGiB * 1024 ** 3);
    const freed = await layers.shrink(keep * 1024 ** 3);
    console.log(`Layers of earlier builds: ${(freed / 1e6).toFixed(0)} MB freed.`);
    const scratch = await mkdtemp(join(settings.cacheDir, 'prune-'));
    try {
      const removed = await new BaseImages(settings).prune(scratch, new AbortController().signal);
      console.log(`Base images that were replaced: ${removed} removed.`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../config/config.ts';
import { command } from '../command.ts';
import { UsageError } from '../usage-error.ts';

export const prune = command({
  summary: 'free disk space: layers of earlier builds, base images that were replaced',
  synopsis: ['prune [--keep GIB] [--config FILE]'],
  description: `Removes the layer cache of image builds, or all of it but GIB, what was not used for longest first, and base images that
newer ones have replaced. The next build of an image takes longer for it; images and MicroVMs do not change. Needs root.`,
  options: {
    keep: { type: 'string', value: 'GIB', help: 'leave so much of the layer cache (0)' },
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  examples: ['sudo squib prune', 'sudo squib prune --keep 2'],
  async run({ values }) {
    const keep = Number(values.keep ?? 0);
    if (!(keep >= 0)) throw new UsageError(`'${values.keep}' is no size in GiB.`);
    const { BaseImages } = await import('../../host/builder/base-images.ts');
    const { LayerCache } = await import('../../host/builder/layer-cache.ts');
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
});

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readConfig } from '../../config/config.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { BaseImages, BaseImageUnavailable } from '../../host/builder/base-images.ts';
import { fullReference, isReference } from '../../host/builder/image-reference.ts';
import type { ImageSource } from '../../host/builder/mirrors.ts';
import { command, jsonOption } from '../command.ts';
import { printJson } from '../print.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

export const base = command({
  summary: 'list, import, refresh and remove the base images that Dockerfiles build on',
  synopsis: ['base list [--json]', 'base import SOURCE --as NAME', 'base refresh NAME', 'base remove NAME'],
  description: `Base images are fetched when a Dockerfile first names them, and kept. 'refresh' fetches one again: from its registry, or
from where the setting 'mirrors' says. 'import' puts in one that needs no registry; SOURCE is an OCI layout (a folder,
with :TAG if it holds several images) or an OCI archive (a file). Needs root. 'remove' waits for running builds.`,
  options: {
    as: { type: 'string', value: 'NAME', help: 'name of the imported image' },
    ...jsonOption,
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  complete: [['list', 'import', 'refresh', 'remove'], 'file'],
  examples: [
    'squib base import ./python.tar --as python:3.13-slim',
    'squib base refresh public.ecr.aws/lambda/microvms:al2023-minimal',
  ],
  async run({ values, positionals }) {
    const [verb, name, ...rest] = positionals;
    const config = readConfig(values.config);
    const images = new BaseImages(config);
    if (verb === 'list' && name === undefined) return list(images, values.json);
    if (!['import', 'refresh', 'remove'].includes(verb ?? '') || name === undefined || rest.length > 0) {
      throw new UsageError('What to do, or with which image, is missing or not understood.');
    }
    const scratch = await mkdtemp(join(config.cacheDir, 'base-'));
    const { signal } = new AbortController();
    try {
      if (verb === 'import') {
        if (values.as === undefined) throw new UsageError('--as NAME is missing.');
        await images.import(reference(values.as), await localSource(name), scratch, signal);
      } else if (verb === 'refresh') await images.refresh(reference(name), scratch, signal);
      else await images.remove(reference(name), scratch, signal);
    } catch (error) {
      if (!(error instanceof BaseImageUnavailable)) throw error;
      const [what = '', ...todo] = error.message.split('\n');
      throw new SquibError(`${what.charAt(0).toUpperCase()}${what.slice(1)}.`, todo.join(' '), {
        cause: error,
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    const shown = reference(values.as ?? name);
    if (verb === 'remove') return console.log(`${shown} is removed.`);
    const digest = (await images.list()).find(({ names }) => names.includes(shown))?.digest;
    console.log(`${shown} is ${digest}.`);
  },
});

function reference(name: string): string {
  if (!isReference(name)) throw new UsageError(`'${name}' is no image name.`);
  return fullReference(name);
}

/** `folder`, `folder:tag` or `file`, with or without `oci:` or `oci-archive:` before it. */
async function localSource(text: string): Promise<ImageSource> {
  const plain = text.replace(/^oci(-archive)?:/, '');
  for (const [path, name] of [
    [plain, ''],
    [plain.replace(/:[^:/]*$/, ''), plain.replace(/^.*:/, '')],
  ] as const) {
    const stats = await stat(path).catch(() => undefined);
    if (stats) return { transport: stats.isDirectory() ? 'oci' : 'oci-archive', path: resolve(path), name };
  }
  throw new SquibError(`There is no file or folder ${plain}.`, 'Name an OCI layout or an OCI archive.');
}

async function list(images: BaseImages, json: boolean | undefined): Promise<void> {
  const found = await images.list();
  if (json) return printJson(found);
  if (found.length === 0) return console.log('There are no base images yet; a build fetches what it needs.');
  const rows = found.map(({ names, digest, bytes, source, fetchedAt }) => [
    names[0] ?? '(replaced)',
    digest.slice(0, 19),
    `${(bytes / 1e6).toFixed(0)} MB`,
    fetchedAt?.toISOString().slice(0, 16).replace('T', ' ') ?? '',
    source ?? '',
  ]);
  console.log(table(['NAME', 'DIGEST', 'SIZE', 'FETCHED', 'FROM'], rows));
}

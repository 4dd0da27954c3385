import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BuiltImage,
  createImageBuilder,
  type ImageBuilder,
} from '../../../src/host/builder/image-builder.ts';
import { heldSlots, type Slot } from '../../../src/host/builder/slots.ts';
import { createLog } from '../../../src/log/log.ts';
import { ensureStandInImages } from '../../../src/setup/stand-in-images.ts';
import { writeZip } from './zip.ts';

export const cacheDir = process.env.SQUIB_CACHE_DIR ?? '/var/cache/squib';
export const gibibyte = 2 ** 30;

export interface Lab {
  dir: string;
  builder: ImageBuilder;
  /** Builds a context given as name → content; the result's `rootfs` is `<dir>/<id>/rootfs.ext4`. */
  build(id: string, files: Record<string, string | Buffer>, options?: BuildOptions): Promise<LabBuild>;
  remove(): Promise<void>;
}

export interface BuildOptions {
  diskBytes?: number;
  signal?: AbortSignal;
  onLine?(line: string): void;
  mirrors?: Record<string, string>;
}

export interface LabBuild {
  image: BuiltImage | undefined;
  error: Error | undefined;
  log: string;
  workDir: string;
}

/** A real builder with stand-in base images. */
export async function createLab(): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), 'sq-build-'));
  const standIns = await ensureStandInImages(cacheDir, () => {});
  const log = createLog(() => {});
  const builder = createImageBuilder({ cacheDir, mirrors: standIns, log });
  return {
    dir,
    builder,
    async build(id, files, options = {}) {
      const workDir = join(dir, id);
      await mkdir(workDir);
      const zipPath = join(dir, `${id}.zip`);
      await writeZip(zipPath, files);
      const lines: string[] = [];
      const used = options.mirrors
        ? createImageBuilder({ cacheDir, mirrors: options.mirrors, log })
        : builder;
      let image: BuiltImage | undefined;
      let error: Error | undefined;
      let noted: Promise<unknown> | undefined;
      try {
        image = await used.build({
          id,
          zipPath,
          workDir,
          diskBytes: options.diskBytes ?? 2 * gibibyte,
          signal: options.signal ?? new AbortController().signal,
          onLog: (line) => {
            lines.push(line);
            if (/ \[.*1\/\d+\] FROM/.test(line)) noted = noteSlots(dir);
            options.onLine?.(line);
          },
        });
      } catch (caught) {
        error = caught as Error;
      }
      await noted;
      return { image, error, log: lines.join('\n'), workDir };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Slots that builds below a directory have been seen to hold; others on this host may take them later. */
const seen = new Map<string, Map<number, Slot>>();

/** Remembers the slots that builds below `dir` hold now. */
export async function noteSlots(dir: string): Promise<number> {
  const slots = seen.get(dir) ?? new Map<number, Slot>();
  seen.set(dir, slots);
  for (const { slot, owner } of await heldSlots())
    if (owner.scratch.startsWith(dir)) slots.set(slot.number, slot);
  return slots.size;
}

/** What builds below `dir` left on this host that is not a file of their own: one line each. */
export async function hostTraces(dir: string): Promise<string[]> {
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8' }).split('\n');
  const held = await heldSlots();
  const strangers = new Set(
    held.filter(({ owner }) => !owner.scratch.startsWith(dir)).map(({ slot }) => slot.number),
  );
  const slots = [...(seen.get(dir)?.values() ?? [])].filter((slot) => !strangers.has(slot.number));
  const traces = held
    .filter(({ owner }) => owner.scratch.startsWith(dir))
    .map(({ slot }) => `slot ${slot.number}`);
  const named = (lines: string[], name: (slot: Slot) => string) =>
    lines.filter((line) => slots.some((slot) => new RegExp(`\\b${name(slot)}\\b`).test(line)));
  traces.push(
    ...named(run('ip', '-brief', 'link'), (slot) => slot.interfaceName),
    ...named(run('nft', 'list', 'tables'), (slot) => slot.table),
    ...run('losetup', '--list', '--noheadings').filter((line) => line.includes(dir)),
  );
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    const own = slots.some(({ firstUid }) => uid >= firstUid && uid < firstUid + 65_536);
    if (own) traces.push(`process ${name} of ${uid}`);
    const mounts = await readFile(`/proc/${name}/mounts`, 'utf8').catch(() => '');
    if (mounts.includes(dir)) traces.push(`mounts of ${name}`);
  }
  return traces;
}

/** Waits until a condition holds; fails after five seconds with what is there instead. */
export async function eventually<T>(look: () => Promise<T>, good: (value: T) => boolean): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const value = await look();
    if (good(value)) return;
    if (attempt === 100) throw new Error(`still: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

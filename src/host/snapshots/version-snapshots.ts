import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataLayout } from '../../config/layout.ts';
import { type Engine, SnapshotDamaged, SnapshotUnfit } from '../../engine/engine.ts';
import type { Log } from '../../log/log.ts';
import type { BuildPipeline } from '../builds/build-pipeline.ts';

const rebuiltPrefix = 'rebuilt-';

export interface VersionSnapshotsParts {
  layout: DataLayout;
  engine: Engine;
  builds: BuildPipeline;
  log: Log;
}

/**
 * The snapshots of image versions. Each version has the one that its build made and, where that one does not fit this
 * host or is damaged, others that were made again from the kept container image. They lie in the version's folder and
 * are deleted with it; none replaces another, because suspended MicroVMs need the very one they ran from.
 */
export class VersionSnapshots {
  readonly #parts: VersionSnapshotsParts;
  readonly #rebuilding = new Map<string, Promise<string>>();

  constructor(parts: VersionSnapshotsParts) {
    this.#parts = parts;
  }

  /** Every folder that may hold a snapshot of the version, the build's own first. */
  async all(imageName: string, imageVersion: string): Promise<string[]> {
    const version = this.#parts.layout.version(imageName, imageVersion);
    const names = await readdir(version).catch(() => []);
    const rebuilt = names.filter((name) => name.startsWith(rebuiltPrefix));
    return [version, ...rebuilt.map((name) => join(version, name))];
  }

  /** Folder of a snapshot that runs on this host; makes one where there is none, which takes as long as a boot. */
  async toRun(imageName: string, imageVersion: string): Promise<string> {
    const { engine } = this.#parts;
    let because = '';
    for (const folder of await this.all(imageName, imageVersion)) {
      try {
        await engine.checkSnapshot(folder);
        return folder;
      } catch (error) {
        if (!(error instanceof SnapshotUnfit || error instanceof SnapshotDamaged)) throw error;
        because ||= error.message;
      }
    }
    const key = `${imageName}/${imageVersion}`;
    const running = this.#rebuilding.get(key);
    if (running) return running;
    const rebuilding = this.#rebuild(imageName, imageVersion, because).finally(() =>
      this.#rebuilding.delete(key),
    );
    this.#rebuilding.set(key, rebuilding);
    return rebuilding;
  }

  async #rebuild(imageName: string, imageVersion: string, because: string): Promise<string> {
    const { layout, builds, log } = this.#parts;
    log.warn('snapshot.rebuild', { imageName, imageVersion, because });
    const version = layout.version(imageName, imageVersion);
    const folder = join(version, `${rebuiltPrefix}${randomUUID().slice(0, 8)}`);
    await builds.rebuild(version, folder, because);
    log.info('snapshot.rebuilt', { imageName, imageVersion, folder });
    return folder;
  }
}

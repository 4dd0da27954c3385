import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, imageSource } from './mirrors.ts';
import { runInSandbox } from './sandbox.ts';
import { pullUids } from './slots.ts';

/** A base image cannot be had; `message` says from where and what the user can do. */
export class BaseImageUnavailable extends Error {
  override readonly name = 'BaseImageUnavailable';
}

export interface BaseImagesOptions {
  cacheDir: string;
  /** The setting of that name. */
  mirrors: Record<string, string>;
}

/**
 * The store of base images that all builds read: each image under its real name, wherever it was fetched from. An
 * image is fetched once; one from a local folder or file again when that changed.
 */
export class BaseImages {
  readonly store: string;
  readonly #records: string;
  readonly #options: BaseImagesOptions;
  readonly #pulls = new Map<string, Promise<void>>();

  constructor(options: BaseImagesOptions) {
    this.#options = options;
    this.store = join(options.cacheDir, 'base-images');
    this.#records = join(options.cacheDir, 'base-image-records');
  }

  /**
   * Sees to it that the store has the image. Concurrent calls for one image share one fetch.
   * @param scratch directory for temporary files
   * @throws BaseImageUnavailable
   */
  async ensure(reference: string, scratch: string, signal: AbortSignal): Promise<void> {
    // Files of images have their owners on disk, setuid bits included: nobody else may come near them.
    await mkdir(this.store, { recursive: true, mode: 0o700 });
    await mkdir(this.#records, { recursive: true, mode: 0o700 });
    const source = imageSource(reference, this.#options.mirrors);
    const identity = await identify(source, reference);
    const record = join(this.#records, createHash('sha256').update(reference).digest('hex'));
    if ((await readFile(record, 'utf8').catch(() => '')) === identity) return;

    const key = `${reference}\n${identity}`;
    const running = this.#pulls.get(key);
    if (running) {
      const failed = await running.then(() => false).catch((error) => error instanceof BaseImageUnavailable);
      if (failed) await running;
      signal.throwIfAborted();
      return this.ensure(reference, scratch, signal); // done, or cancelled by who started it
    }
    const pull = this.#pull(reference, source, join(scratch, `pull-${randomUUID()}`), signal)
      .then(() => writeAtomically(record, identity))
      .finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    await pull;
  }

  async #pull(reference: string, source: ImageSource, scratch: string, signal: AbortSignal): Promise<void> {
    await mkdir(scratch, { recursive: true });
    let output = '';
    try {
      const code = await runInSandbox({
        tree: join(this.#options.cacheDir, 'runtime'),
        job: 'pull-job.sh',
        env: { ...proxies(), SQUIB_REFERENCE: reference, SQUIB_SOURCE: skopeoName(source) },
        scratch,
        out: join(scratch, 'out'),
        binds: [
          { source: this.store, name: 'base', writable: true },
          ...(source.path ? [{ source: source.path, name: 'source' }] : []),
        ],
        firstUid: pullUids,
        signal,
        onOutput: (chunk) => {
          output = (output + chunk).slice(-8192);
        },
      });
      signal.throwIfAborted();
      if (code !== 0) throw unavailable(reference, source, output);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

function unavailable(reference: string, source: ImageSource, output: string): BaseImageUnavailable {
  const reason = output.trim().split('\n').at(-1) ?? '';
  const from = source.path ? `${source.transport}:${source.path}` : source.name;
  return new BaseImageUnavailable(
    `base image ${reference} cannot be fetched from ${from}: ${reason}\n` +
      "If this machine does not reach that registry, name another source in the setting 'mirrors': " +
      'a registry, an OCI layout (oci:/folder:tag) or an archive (oci-archive:/file).',
  );
}

const skopeoName = (source: ImageSource) =>
  source.path === undefined
    ? `docker://${source.name}`
    : `${source.transport}:/mnt/source${source.name ? `:${source.name}` : ''}`;

/** Changes when the image has to be fetched again. */
async function identify(source: ImageSource, reference: string): Promise<string> {
  const name = skopeoName(source);
  if (source.path === undefined) return name;
  const file = source.transport === 'oci' ? join(source.path, 'index.json') : source.path;
  const { size, mtimeMs, ino } = await stat(file).catch((error: Error) => {
    throw unavailable(reference, source, error.message);
  });
  return `${name} ${source.path} ${size} ${mtimeMs} ${ino}`;
}

/** The user's proxy settings hold for pulls as for any other program. */
function proxies(): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text);
  await rename(draft, path);
}

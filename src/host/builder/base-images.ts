import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SquibError } from '../../errors/squib-error.ts';
import { beginGeneration, type StoredImage, storedImages } from './base-store.ts';
import { type ImageSource, imageSource } from './mirrors.ts';
import {
  authFile,
  digestFor,
  isLoopback,
  type Login,
  type Registries,
  type RegistryLogin,
  registryOf,
} from './registry-credentials.ts';
import { type Bind, runInSandbox, type SandboxOptions } from './sandbox.ts';
import { pullUids, whileNothingIsBuilt } from './slots.ts';

/** A base image cannot be had; `message` says from where and what the user can do. */
export class BaseImageUnavailable extends Error {
  override readonly name = 'BaseImageUnavailable';
}

export interface BaseImagesOptions {
  cacheDir: string;
  /** The settings of these names. */
  mirrors: Record<string, string>;
  registries?: Registries;
  /** For registries to which a build is its role. */
  login?: RegistryLogin | undefined;
}

export interface BaseImage extends StoredImage {
  /** From where it was fetched: a registry's reference, a folder or a file. */
  source: string | undefined;
  fetchedAt: Date | undefined;
}

/** Why the store has an image: kept beside the store, by reference. */
interface PullRecord {
  /** Changes when the image has to be fetched again; `imported` never does. */
  identity: string;
  source: string;
  fetchedAt: string;
}

const imported = 'imported';

/**
 * The store of base images that all builds read: each image under its real name, wherever it was fetched from. An
 * image is fetched once; one from a local folder or file again when that changed, one from a registry when `refresh`
 * is called. skopeo checks every blob and manifest against its digest.
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
   * @param roleArn in whose name, for registries that want to know
   * @throws BaseImageUnavailable
   */
  async ensure(reference: string, scratch: string, signal: AbortSignal, roleArn = ''): Promise<void> {
    const source = imageSource(reference, this.#options.mirrors);
    const record = await this.#record(reference);
    if (record?.identity === imported) return;
    const login =
      source.path === undefined && (await this.#options.login?.(registryOf(source.name), roleArn, signal));
    // What another role has fetched is there, but whether this one may have it the registry decides, every time.
    const identity = login
      ? await identifyAs(login, source, reference, signal)
      : await identify(source, reference);
    if (record?.identity === identity) return;

    const key = `${reference}\n${identity}`;
    const running = this.#pulls.get(key);
    if (running) {
      const failed = await running.then(() => false).catch((error) => error instanceof BaseImageUnavailable);
      if (failed) await running;
      signal.throwIfAborted();
      return this.ensure(reference, scratch, signal, roleArn); // done, or cancelled by who started it
    }
    const pull = this.#pull(reference, source, identity, scratch, signal, login || undefined).finally(() =>
      this.#pulls.delete(key),
    );
    this.#pulls.set(key, pull);
    await pull;
  }

  /** Fetches an image again from where the settings say it comes from, also one that was imported. */
  async refresh(reference: string, scratch: string, signal: AbortSignal): Promise<void> {
    const source = imageSource(reference, this.#options.mirrors);
    await this.#pull(reference, source, await identify(source, reference), scratch, signal);
  }

  /** Puts an image of an OCI layout or archive into the store; it stays whatever the settings say. */
  async import(reference: string, source: ImageSource, scratch: string, signal: AbortSignal): Promise<void> {
    await this.#pull(reference, source, imported, scratch, signal);
  }

  /** Ids of the images that the store has for these references, in their order. */
  async identities(references: string[]): Promise<(string | undefined)[]> {
    const images = await storedImages(this.store);
    return references.map((reference) => images.find(({ names }) => names.includes(reference))?.id);
  }

  async list(): Promise<BaseImage[]> {
    const images: BaseImage[] = [];
    for (const image of await storedImages(this.store)) {
      const record = image.names[0] === undefined ? undefined : await this.#record(image.names[0]);
      const fetchedAt = record && new Date(record.fetchedAt);
      images.push({ ...image, source: record?.source, fetchedAt });
    }
    return images.sort((a, b) => (a.names[0] ?? '~').localeCompare(b.names[0] ?? '~'));
  }

  /**
   * Removes an image from the store; waits for running builds.
   * @throws SquibError when it is not there
   */
  async remove(reference: string, scratch: string, signal: AbortSignal): Promise<void> {
    await whileNothingIsBuilt(async () => {
      const images = await storedImages(this.store);
      if (!images.some(({ names }) => names.includes(reference))) {
        throw new SquibError(
          `There is no base image ${reference}.`,
          "'squib base list' shows those there are.",
        );
      }
      await rm(this.#recordFile(reference), { force: true });
      await this.#removeImages([reference], scratch, signal);
    });
  }

  /** Removes images that newer ones have replaced. Returns how many. Waits for running builds if there are any. */
  async prune(scratch: string, signal: AbortSignal): Promise<number> {
    const isReplaced = ({ names }: StoredImage) => names.length === 0;
    if (!(await storedImages(this.store)).some(isReplaced)) return 0;
    return whileNothingIsBuilt(async () => {
      const replaced = (await storedImages(this.store)).filter(isReplaced);
      await this.#removeImages(
        replaced.map(({ id }) => `@${id}`),
        scratch,
        signal,
      );
      return replaced.length;
    });
  }

  async #removeImages(images: string[], scratch: string, signal: AbortSignal): Promise<void> {
    const { code, output } = await this.#job(
      'remove-job.sh',
      { SQUIB_IMAGES: images.join(' ') },
      [],
      scratch,
      signal,
    );
    await beginGeneration(this.store);
    if (code !== 0) throw new Error(`the store of base images cannot be changed: ${output.trim()}`);
  }

  async #pull(
    reference: string,
    source: ImageSource,
    identity: string,
    scratch: string,
    signal: AbortSignal,
    login?: Login,
  ): Promise<void> {
    // Files of images have their owners on disk, setuid bits included: nobody else may come near them.
    await mkdir(this.store, { recursive: true, mode: 0o700 });
    await mkdir(this.#records, { recursive: true, mode: 0o700 });
    const own = join(scratch, `pull-${randomUUID()}`);
    await mkdir(own, { recursive: true });
    try {
      const auth = join(own, 'auth.json');
      const remote = source.path === undefined;
      const credentials = remote ? await authFile(source.name, this.#options.registries ?? {}, login) : '{}';
      await writeFile(auth, credentials, { mode: 0o600 });
      const { code, output } = await this.#job(
        'pull-job.sh',
        {
          ...proxies(),
          SQUIB_REFERENCE: reference,
          SQUIB_SOURCE: skopeoName(source),
          SQUIB_PLAIN: remote && isLoopback(source.name) ? 'yes' : '',
        },
        [
          { source: auth, name: 'auth' },
          ...(source.path === undefined ? [] : [{ source: source.path, name: 'source' }]),
        ],
        own,
        signal,
      );
      if (code !== 0) throw unavailable(reference, source, output);
    } finally {
      await rm(own, { recursive: true, force: true });
    }
    const record: PullRecord = { identity, source: shown(source), fetchedAt: new Date().toISOString() };
    await writeAtomically(this.#recordFile(reference), JSON.stringify(record));
  }

  /** Runs a job that may write to the store. */
  async #job(
    job: SandboxOptions['job'],
    env: Record<string, string>,
    binds: Bind[],
    scratch: string,
    signal: AbortSignal,
  ): Promise<{ code: number; output: string }> {
    let output = '';
    const code = await runInSandbox({
      tree: join(this.#options.cacheDir, 'runtime'),
      ...{ job, env, scratch, signal },
      out: join(scratch, 'out'),
      binds: [{ source: this.store, name: 'base', writable: true }, ...binds],
      firstUid: pullUids,
      onOutput: (chunk) => {
        output = (output + chunk).slice(-8192);
      },
    });
    signal.throwIfAborted();
    return { code, output };
  }

  #recordFile(reference: string): string {
    return join(this.#records, createHash('sha256').update(reference).digest('hex'));
  }

  async #record(reference: string): Promise<PullRecord | undefined> {
    const text = await readFile(this.#recordFile(reference), 'utf8').catch(() => '');
    return text.startsWith('{') ? (JSON.parse(text) as PullRecord) : undefined;
  }
}

function unavailable(reference: string, source: ImageSource, output: string): BaseImageUnavailable {
  const reason = output.trim().split('\n').at(-1) ?? '';
  return new BaseImageUnavailable(
    `base image ${reference} cannot be fetched from ${shown(source)}: ${reason}\n` +
      "If this machine does not reach that registry, name another source in the setting 'mirrors': " +
      'a registry, an OCI layout (oci:/folder:tag) or an archive (oci-archive:/file). If it asks who you are, ' +
      "see the setting 'registries'.",
  );
}

const shown = (source: ImageSource) =>
  source.path === undefined ? source.name : `${source.transport}:${source.path}`;

const skopeoName = (source: ImageSource) =>
  source.path === undefined
    ? `docker://${source.name}`
    : `${source.transport}:/mnt/source${source.name ? `:${source.name}` : ''}`;

/** Changes when the tag stands for another image. @throws BaseImageUnavailable when the registry does not give it */
async function identifyAs(
  login: Login,
  source: ImageSource,
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  const found = await digestFor(source.name, login, signal);
  if ('refusal' in found) throw unavailable(reference, source, found.refusal);
  return `${skopeoName(source)} ${found.digest}`;
}

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

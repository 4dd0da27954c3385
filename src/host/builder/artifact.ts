import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rm, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { BuildFailed } from '../../control/host.ts';

/** Bounds of a code artifact. A zip's own words about its sizes are checked, not believed. */
export interface ArtifactLimits {
  /** Files, directories (also those only implied by a path) and links. */
  entries: number;
  /** Unpacked bytes of all files together. */
  bytes: number;
}

/** Kinds of a UNIX mode that a zip may hold. */
const kindMask = 0o170000;
const kinds = { file: 0o100000, directory: 0o040000, link: 0o120000 };

const maxDepth = 64;
const maxLinkBytes = 4096;

/**
 * Unpacks a code artifact: the build context with `Dockerfile` at its root (spec: image-build 1). Keeps executable bits
 * and symbolic links that stay inside; refuses everything that a build context does not need.
 *
 * @param destDir must not exist; does not exist after a failure either
 * @throws BuildFailed `ARCHIVE_INVALID: …` or `ARCHIVE_DOCKERFILE_NOT_FOUND: …`
 */
export async function openArtifact(
  zipPath: string,
  destDir: string,
  limits: ArtifactLimits,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(destDir, { mode: 0o755 });
  try {
    await unpack(zipPath, destDir, limits, signal);
    const dockerfile = await lstat(join(destDir, 'Dockerfile')).catch(() => undefined);
    if (!dockerfile?.isFile()) {
      throw new BuildFailed(
        'ARCHIVE_DOCKERFILE_NOT_FOUND: the code artifact has no file named Dockerfile at its root',
      );
    }
  } catch (error) {
    await rm(destDir, { recursive: true, force: true });
    throw error;
  }
}

const invalid = (detail: string) => new BuildFailed(`ARCHIVE_INVALID: ${detail}`);

async function unpack(
  zipPath: string,
  destDir: string,
  limits: ArtifactLimits,
  signal?: AbortSignal,
): Promise<void> {
  const zip = await openPromise(zipPath, {
    lazyEntries: true,
    autoClose: false,
    strictFileNames: true,
  }).catch((error) => {
    throw invalid(`the code artifact is not a readable zip file (${(error as Error).message})`);
  });
  const tree = new Tree(destDir, limits);
  const links: { path: string; target: string }[] = [];
  try {
    if (zip.entryCount > limits.entries) throw tree.tooMany();
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      const path = checkedPath(entry);
      const kind = kindOf(entry);
      if (kind === 'directory') await tree.directory(path, permissions(entry, 0o755));
      else if (kind === 'link') links.push({ path, target: await linkTarget(zip, entry, path) });
      else
        await tree.file(path, permissions(entry, 0o644), entry.uncompressedSize, () => content(zip, entry));
    }
    // Links come last: until here nothing could be written through one.
    for (const { path, target } of links) await tree.link(path, target);
    await tree.finish();
  } catch (error) {
    if (error instanceof BuildFailed || signal?.aborted) throw error;
    throw invalid(`the code artifact is broken (${(error as Error).message})`);
  } finally {
    zip.close();
  }
}

/** The unpacked bytes of an entry; fails when they are not those that were packed. */
async function* content(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    sum = crc32(chunk as Buffer, sum);
    yield chunk as Buffer;
  }
  if (sum !== entry.crc32) throw new Error(`${JSON.stringify(entry.fileName)} has a wrong checksum`);
}

/** yauzl has refused absolute names, `..` and backslashes by now. */
function checkedPath(entry: Entry): string {
  const parts = entry.fileName.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) {
    if (entry.fileName.endsWith('/')) return '';
    throw invalid(`an entry has the name ${JSON.stringify(entry.fileName)}`);
  }
  if (parts.length > maxDepth || parts.some((part) => Buffer.byteLength(part) > 255)) {
    throw invalid('an entry has a path that is too long');
  }
  if (entry.fileName.includes('\0')) throw invalid('an entry has a name with a null byte');
  return parts.join('/');
}

function kindOf(entry: Entry): 'file' | 'directory' | 'link' {
  const shown = JSON.stringify(entry.fileName);
  if (entry.isEncrypted()) throw invalid(`entry ${shown} is encrypted`);
  if (!entry.canDecodeFileData()) throw invalid(`entry ${shown} has a compression method other than deflate`);
  const kind = unixMode(entry) & kindMask;
  if (entry.fileName.endsWith('/')) {
    if (kind !== 0 && kind !== kinds.directory) throw invalid(`entry ${shown} is no directory`);
    return 'directory';
  }
  if (kind === 0 || kind === kinds.file) return 'file';
  if (kind === kinds.link) return 'link';
  if (kind === kinds.directory) return 'directory';
  throw invalid(`entry ${shown} is a device, pipe or socket`);
}

/** Zero where the zip was made on a system without UNIX modes. */
function unixMode(entry: Entry): number {
  const system = entry.versionMadeBy >> 8;
  return system === 3 || system === 19 ? entry.externalFileAttributes >>> 16 : 0;
}

const permissions = (entry: Entry, normal: number) => unixMode(entry) & 0o777 || normal;

async function linkTarget(zip: ZipFile, entry: Entry, path: string): Promise<string> {
  if (entry.uncompressedSize > maxLinkBytes)
    throw invalid(`link ${JSON.stringify(path)} has a target too long`);
  let target = '';
  for await (const chunk of content(zip, entry)) target += chunk.toString();
  const place = posix.normalize(posix.join(posix.dirname(path), target));
  if (target === '' || target.includes('\0') || posix.isAbsolute(target) || place.split('/')[0] === '..') {
    throw invalid(`link ${JSON.stringify(path)} points out of the artifact`);
  }
  return target;
}

/** What has been unpacked, and what may still be. */
class Tree {
  readonly #root: string;
  readonly #limits: ArtifactLimits;
  readonly #made = new Map<string, 'directory' | 'other'>([['', 'directory']]);
  /** Modes of directories are set at the end: a read-only one may still get files. */
  readonly #modes: { path: string; mode: number }[] = [];
  #bytes = 0;

  constructor(root: string, limits: ArtifactLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  tooMany(): BuildFailed {
    return invalid(`the code artifact has more than ${this.#limits.entries} entries`);
  }

  async directory(path: string, mode: number): Promise<void> {
    await this.#directories(path);
    this.#modes.push({ path, mode });
  }

  async file(
    path: string,
    mode: number,
    size: number,
    read: () => ReturnType<typeof content>,
  ): Promise<void> {
    this.#bytes += size; // the reader fails when the entry holds more or less than it says
    if (this.#bytes > this.#limits.bytes) {
      throw invalid(`the code artifact unpacks to more than ${this.#limits.bytes} bytes`);
    }
    await this.#claim(path);
    const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
    const file = await open(join(this.#root, path), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(read());
      await file.chmod(mode);
    } finally {
      await file.close();
    }
  }

  async link(path: string, target: string): Promise<void> {
    await this.#claim(path);
    await symlink(target, join(this.#root, path));
  }

  async finish(): Promise<void> {
    for (const { path, mode } of this.#modes) await chmod(join(this.#root, path), mode);
  }

  /** Takes the name of something that is no directory. */
  async #claim(path: string): Promise<void> {
    if (this.#made.has(path)) throw invalid(`two entries are named ${JSON.stringify(path)}`);
    await this.#directories(dirname(path) === '.' ? '' : dirname(path));
    this.#count(path, 'other');
  }

  async #directories(path: string): Promise<void> {
    const made = this.#made.get(path);
    if (made === 'directory') return;
    if (made) throw invalid(`entry ${JSON.stringify(path)} is a file and a directory`);
    await this.#directories(dirname(path) === '.' ? '' : dirname(path));
    this.#count(path, 'directory');
    await mkdir(join(this.#root, path), { mode: 0o755 });
  }

  #count(path: string, kind: 'directory' | 'other'): void {
    this.#made.set(path, kind);
    if (this.#made.size - 1 > this.#limits.entries) throw this.tooMany();
  }
}

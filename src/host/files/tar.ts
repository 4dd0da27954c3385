import { on, once } from 'node:events';
import type { Readable } from 'node:stream';
import { Header, Parser, Pax, type ReadEntry } from 'tar';
import { CommandRefused } from '../../control/host.ts';
import type { ByteReader } from './byte-reader.ts';
import { encodeEntry, type FileEntry, readEntry } from './entries.ts';

const blockSize = 512;
const types = { file: 'File', folder: 'Directory', link: 'SymbolicLink', hardLink: 'Link' } as const;
const kindOf = new Map(
  Object.entries(types).map(([kind, type]): [string, FileEntry['kind']] => [type, kind as FileEntry['kind']]),
).set('OldFile', 'file');

/**
 * Entries of the guest as a tar stream.
 * @param check called before the end is written; what it throws leaves the stream without one
 * @throws Error for what the guest may not send
 */
export async function* tarOf(reader: ByteReader, check: () => Promise<void>): AsyncGenerator<Buffer, void> {
  while (!(await reader.ended())) {
    const entry = await readEntry(reader);
    yield headerOf(entry);
    for (let left = entry.size; left > 0; ) {
      const part = await reader.some(left);
      left -= part.length;
      yield part;
    }
    const over = entry.size % blockSize;
    if (over > 0) yield Buffer.alloc(blockSize - over);
  }
  await check();
  yield Buffer.alloc(2 * blockSize);
}

function headerOf({ kind, path, target, mode, uid, gid, size, modified }: FileEntry): Buffer {
  const data = {
    path: kind === 'folder' ? `${path}/` : path,
    ...{ mode, uid, gid, size, mtime: new Date(modified * 1000), type: types[kind] },
    ...(target !== '' && { linkpath: target }),
  };
  const header = new Header(data);
  const plain = Buffer.alloc(blockSize);
  if (!header.encode(plain)) return plain;
  return Buffer.concat([new Pax(data).encode(), plain]);
}

/** A tar stream (gzip or not) as entries for the guest. @throws CommandRefused for what is no tar, or cannot be copied */
export async function* entriesOf(tar: Readable): AsyncGenerator<Buffer, void> {
  const parser = new Parser({ strict: true });
  const over = new AbortController();
  // Not before somebody listens: its first error comes with its first bytes.
  parser.on('error', () => {}); // its second complaint is no news
  const found = on(parser, 'entry', { close: ['end'] });
  feed(parser, tar, over.signal).catch((error) => parser.emit('error', error));
  let contents: boolean | undefined;
  try {
    for await (const [entry] of found as AsyncIterable<[ReadEntry]>) {
      // `./name` is `name`, unless what was packed is the folder `.` itself: that goes by whatever name it is given.
      contents ??= /^\.\/?$/.test(entry.path);
      yield* encoded(entry, contents ? entry.path : entry.path.replace(/^(\.\/+)+/, ''));
    }
  } catch (error) {
    if (error instanceof CommandRefused) throw error;
    throw new CommandRefused('invalid', `The tar stream cannot be read: ${(error as Error).message}.`);
  } finally {
    over.abort();
  }
}

/** Leaves the source as it is when nobody wants more: an HTTP request still has to be answered. */
async function feed(parser: Parser, tar: Readable, signal: AbortSignal): Promise<void> {
  for await (const chunk of tar.iterator({ destroyOnReturn: false })) {
    if (signal.aborted) return;
    if (!parser.write(chunk)) await once(parser, 'drain', { signal }).catch(() => {});
  }
  if (!signal.aborted) parser.end();
}

/** @param named its path */
async function* encoded(entry: ReadEntry, named: string): AsyncGenerator<Buffer, void> {
  const kind = kindOf.get(entry.type);
  if (kind === undefined) {
    throw new CommandRefused(
      'invalid',
      `'${entry.path}' is a ${entry.type}; only files, folders and links are copied.`,
    );
  }
  const path = named.replace(/\/+$/, '');
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new CommandRefused('invalid', `'${entry.path}' would lead out of the folder it is copied to.`);
  }
  const { linkpath = '', mode = 0o644, mtime, size } = entry;
  yield encodeEntry({
    ...{ kind, path, target: linkpath, mode, uid: 0, gid: 0 },
    size: kind === 'file' ? size : 0,
    modified: (mtime?.getTime() ?? 0) / 1000,
  });
  if (kind === 'file') for await (const chunk of entry) yield chunk as Buffer;
  else entry.resume();
}

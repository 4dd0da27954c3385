import type { ByteReader } from './byte-reader.ts';

/** A file, folder or link as it travels between host and guest agent; guest-agent/files.c is the other end. */
export interface FileEntry {
  kind: 'file' | 'folder' | 'link' | 'hardLink';
  path: string;
  /** Of a link. */
  target: string;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes that follow; 0 for all but files. */
  size: number;
  /** Epoch seconds. */
  modified: number;
}

const headerSize = 32;
/** The longest path and link target, in bytes. */
const pathMax = 4095;
const letters = { file: 'f', folder: 'd', link: 'l', hardLink: 'h' } as const;
const kinds = new Map(
  Object.entries(letters).map(([kind, letter]) => [letter.charCodeAt(0), kind as FileEntry['kind']]),
);

/** @throws RangeError for a path that is too long, or that holds a zero byte */
export function encodeEntry(entry: FileEntry): Buffer {
  const path = Buffer.from(entry.path);
  const target = Buffer.from(entry.target);
  if (path.length > pathMax || target.length > pathMax || path.includes(0) || target.includes(0)) {
    throw new RangeError(`The path ${JSON.stringify(entry.path.slice(0, 100))} cannot be copied.`);
  }
  const header = Buffer.alloc(headerSize);
  header.write(letters[entry.kind], 0, 'latin1');
  header.writeUInt16LE(entry.mode & 0o7777, 2);
  header.writeUInt32LE(entry.uid, 4);
  header.writeUInt32LE(entry.gid, 8);
  header.writeBigUInt64LE(BigInt(entry.size), 12);
  header.writeBigUInt64LE(BigInt(Math.max(0, Math.floor(entry.modified))), 20);
  header.writeUInt16LE(path.length, 28);
  header.writeUInt16LE(target.length, 30);
  return Buffer.concat([header, path, target]);
}

/** The next entry; its bytes follow in the reader. @throws Error for what is none: the guest is not trusted */
export async function readEntry(reader: ByteReader): Promise<FileEntry> {
  const header = await reader.exactly(headerSize);
  const kind = kinds.get(header[0]!);
  const size = header.readBigUInt64LE(12);
  const modified = header.readBigUInt64LE(20);
  if (kind === undefined || size > 2n ** 53n || modified > 2n ** 40n || (size > 0n && kind !== 'file')) {
    throw new Error('the guest sent something that is no file');
  }
  const path = await reader.exactly(header.readUInt16LE(28));
  const target = await reader.exactly(header.readUInt16LE(30));
  return {
    ...{ kind, path: path.toString(), target: target.toString() },
    mode: header.readUInt16LE(2) & 0o7777,
    uid: header.readUInt32LE(4),
    gid: header.readUInt32LE(8),
    size: Number(size),
    modified: Number(modified),
  };
}

/** One file of an initramfs; folders are made from the names. */
export interface CpioFile {
  /** Path without a leading slash. */
  name: string;
  /** Permission bits. */
  mode: number;
  content: Buffer;
}

const FOLDER = 0o040000;
const REGULAR = 0o100000;
const TRAILER = 'TRAILER!!!';

function pad(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

function entry(inode: number, name: string, mode: number, content: Buffer): Buffer {
  // Order of fields: ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  const head = Buffer.from(`${header}${name}\0`);
  return Buffer.concat([head, pad(head.length), content, pad(content.length)]);
}

function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Writes a cpio archive in the `newc` format that the Linux kernel takes as initramfs. */
export function writeCpio(files: CpioFile[]): Buffer {
  const folders = [...new Set(files.flatMap((file) => foldersOf(file.name)))].sort();
  const none = Buffer.alloc(0);
  let inode = 1;
  return Buffer.concat([
    ...folders.map((name) => entry(inode++, name, FOLDER | 0o755, none)),
    ...files.map((file) => entry(inode++, file.name, REGULAR | file.mode, file.content)),
    entry(0, TRAILER, 0, none),
  ]);
}

import { closeSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { MachineFailed } from './errors.ts';
import { BUFFER_BYTES, withBuffer } from './spare-buffers.ts';

export const PAGE = 4096;
/** Pages that follow each other in the guest's memory. */
export interface PageRun {
  first: number;
  count: number;
}

/** Entry of /proc/PID/pagemap, 8 bytes a page; these bits are in its upper half. */
const PRESENT = 1 << 31;
const SWAPPED = 1 << 30;
const OF_FILE = 1 << 29;
const PAGES_PER_READ = BUFFER_BYTES / 8;

/** Where the snapshot's memory lies in the process that maps it. @throws MachineFailed when it is not mapped whole. */
export async function findMapping(
  pid: number,
  memoryFile: string,
): Promise<{ address: number; pages: number }> {
  const { ino, size } = await stat(memoryFile);
  let start = -1;
  let end = -1;
  // Parts of one mapping with different flags are lines of their own.
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [range, , , , inode] = line.split(/ +/);
    if (Number(inode) !== ino || !range) continue;
    const [from, to] = range.split('-').map((text) => Number.parseInt(text, 16)) as [number, number];
    if (start < 0) start = from;
    else if (from !== end) break;
    end = to;
  }
  if (start < 0 || end - start !== size)
    throw new MachineFailed(`QEMU (process ${pid}) does not map ${memoryFile} as its memory.`);
  return { address: start, pages: size / PAGE };
}

/**
 * The pages of a private file mapping that differ from the file: those present or swapped out that are not the file's.
 * The machine must be stopped.
 */
export const findDirtyPages = (pid: number, mapping: { address: number; pages: number }) =>
  findPages(pid, mapping, 'dirty');

/** `touched`: pages that were read or written, whether they differ from the file or not. */
export async function findPages(
  pid: number,
  mapping: { address: number; pages: number },
  which: 'dirty' | 'touched',
): Promise<PageRun[]> {
  const handle = await open(`/proc/${pid}/pagemap`, 'r');
  try {
    return await withBuffer((buffer) => scan(handle, buffer, mapping, which === 'dirty' ? OF_FILE : 0));
  } finally {
    await handle.close();
  }
}

async function scan(
  handle: FileHandle,
  buffer: Buffer,
  { address, pages }: { address: number; pages: number },
  without: number,
): Promise<PageRun[]> {
  const runs: PageRun[] = [];
  const words = new Uint32Array(buffer.buffer, 0, buffer.length / 4);
  let run: PageRun | undefined;
  for (let base = 0; base < pages; ) {
    const wanted = Math.min(pages - base, PAGES_PER_READ);
    const { bytesRead } = await handle.read(buffer, 0, 8 * wanted, 8 * (address / PAGE + base));
    const got = Math.floor(bytesRead / 8);
    if (got === 0) throw new MachineFailed('The page map ended early.');
    for (let index = 0; index < got; index++) {
      const bits = words[2 * index + 1]!; // little-endian: the upper half comes second
      if ((bits & (PRESENT | SWAPPED)) === 0 || (bits & without) !== 0) {
        run = undefined;
      } else if (run) {
        run.count++;
      } else {
        run = { first: base + index, count: 1 };
        runs.push(run);
      }
    }
    base += got;
  }
  return runs;
}

/** A process's memory as a file descriptor. Reads and writes of it are short copies, so they are done synchronously. */
export function openProcessMemory(pid: number, mode: 'r' | 'r+'): { fd: number; close(): void } {
  const fd = openSync(`/proc/${pid}/mem`, mode);
  return { fd, close: () => closeSync(fd) };
}

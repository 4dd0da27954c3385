import { readSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { PAGE, type PageRun } from './dirty-pages.ts';
import { MachineFailed, SuspendedDamaged } from './errors.ts';
import { BUFFER_BYTES, withBuffer } from './spare-buffers.ts';

/*
 * The file `pages` of a suspended machine, numbers little-endian:
 *   8 bytes  magic, 4 bytes number of runs, 4 bytes number of pages
 *   per run  4 bytes first page, 4 bytes number of pages
 *   zeros up to a multiple of 4096
 *   the pages themselves, in the order of the runs
 * Size and checksum of the whole are in the manifest beside it.
 */
const MAGIC = Buffer.from('SQUIBPG1');
const HEAD = 16;
const CHUNK = BUFFER_BYTES;

export interface FileSum {
  bytes: number;
  crc32: number;
}

const pagesIn = (runs: PageRun[]) => runs.reduce((sum, run) => sum + run.count, 0);
const roundUp = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE;

function encodeIndex(runs: PageRun[]): Buffer {
  const index = Buffer.alloc(roundUp(HEAD + 8 * runs.length));
  MAGIC.copy(index);
  index.writeUInt32LE(runs.length, 8);
  index.writeUInt32LE(pagesIn(runs), 12);
  for (const [number, run] of runs.entries()) {
    index.writeUInt32LE(run.first, HEAD + 8 * number);
    index.writeUInt32LE(run.count, HEAD + 8 * number + 4);
  }
  return index;
}

/** Pieces of runs that together fill at most one chunk. */
function* chunksOf(runs: PageRun[]): Generator<PageRun[]> {
  let pieces: PageRun[] = [];
  let room = CHUNK / PAGE;
  for (const run of runs) {
    for (let done = 0; done < run.count; ) {
      const count = Math.min(run.count - done, room);
      pieces.push({ first: run.first + done, count });
      done += count;
      room -= count;
      if (room > 0) continue;
      yield pieces;
      pieces = [];
      room = CHUNK / PAGE;
    }
  }
  if (pieces.length > 0) yield pieces;
}

/**
 * Copies pages out of a stopped process into a synced file.
 * @param memory descriptor of /proc/PID/mem; page 0 lies at `address`.
 * @throws the system's error, for example when the disk is full.
 */
export async function writePages(
  path: string,
  runs: PageRun[],
  memory: number,
  address: number,
): Promise<FileSum> {
  const handle = await open(path, 'wx', 0o600);
  try {
    const index = encodeIndex(runs);
    let sum = crc32(index);
    let bytes = index.length;
    await handle.writeFile(index);
    await withBuffer(async (buffer) => {
      for (const pieces of chunksOf(runs)) {
        let length = 0;
        for (const { first, count } of pieces) {
          const got = readSync(memory, buffer, length, count * PAGE, address + first * PAGE);
          if (got !== count * PAGE) throw new MachineFailed('Memory of the machine could not be read.');
          length += got;
        }
        const chunk = buffer.subarray(0, length);
        sum = crc32(chunk, sum);
        bytes += length;
        await handle.writeFile(chunk);
      }
    });
    await handle.sync();
    return { bytes, crc32: sum };
  } finally {
    await handle.close();
  }
}

/** Copies pages out of a stopped process to their places in a file that is as large as its memory. */
export function copyPages(
  runs: PageRun[],
  from: { fd: number; address: number },
  to: { fd: number; address: number },
): void {
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (const pieces of chunksOf(runs)) {
    for (const { first, count } of pieces) {
      const bytes = count * PAGE;
      const got = readSync(from.fd, buffer, 0, bytes, from.address + first * PAGE);
      if (got !== bytes) throw new MachineFailed('Memory of the machine could not be read.');
      for (let put = 0; put < bytes; ) {
        put += writeSync(to.fd, buffer, put, bytes - put, to.address + first * PAGE + put);
      }
    }
  }
}

async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new SuspendedDamaged('The file of dirty pages is too short.');
    done += bytesRead;
  }
}

async function readIndex(
  handle: FileHandle,
  memoryPages: number,
): Promise<{ runs: PageRun[]; index: Buffer }> {
  const head = Buffer.alloc(HEAD);
  await readFully(handle, head, 0);
  const runCount = head.readUInt32LE(8);
  if (!head.subarray(0, 8).equals(MAGIC) || runCount > memoryPages)
    throw new SuspendedDamaged('The file of dirty pages has no valid head.');
  const index = Buffer.alloc(roundUp(HEAD + 8 * runCount));
  await readFully(handle, index, 0);
  const runs: PageRun[] = [];
  let next = 0;
  for (let number = 0; number < runCount; number++) {
    const first = index.readUInt32LE(HEAD + 8 * number);
    const count = index.readUInt32LE(HEAD + 8 * number + 4);
    // Also keeps a damaged file from writing outside the guest's memory.
    if (first < next || count === 0 || first + count > memoryPages)
      throw new SuspendedDamaged('The index of dirty pages is not valid.');
    next = first + count;
    runs.push({ first, count });
  }
  return { runs, index };
}

/**
 * Copies the pages of a file into a process that does not run its guest yet. The checksum is known only at the end;
 * the caller must discard the process when this throws.
 * @throws SuspendedDamaged when the file differs from what was written.
 */
export async function readPages(
  path: string,
  expected: FileSum,
  memory: number,
  mapping: { address: number; pages: number },
): Promise<void> {
  const handle = await open(path, 'r').catch((cause) => {
    throw new SuspendedDamaged(`${path} is missing.`, { cause });
  });
  try {
    if ((await handle.stat()).size !== expected.bytes)
      throw new SuspendedDamaged(`${path} is not ${expected.bytes} bytes long.`);
    const { runs, index } = await readIndex(handle, mapping.pages);
    let sum = crc32(index);
    let position = index.length;
    await withBuffer(async (buffer) => {
      for (const pieces of chunksOf(runs)) {
        const chunk = buffer.subarray(0, pagesIn(pieces) * PAGE);
        await readFully(handle, chunk, position);
        position += chunk.length;
        sum = crc32(chunk, sum);
        let done = 0;
        for (const { first, count } of pieces) {
          const put = writeSync(memory, chunk, done, count * PAGE, mapping.address + first * PAGE);
          if (put !== count * PAGE) throw new MachineFailed('Memory of the machine could not be written.');
          done += put;
        }
      }
    });
    if (position !== expected.bytes || sum !== expected.crc32)
      throw new SuspendedDamaged(`${path} was altered since it was written (its checksum differs).`);
  } finally {
    await handle.close();
  }
}

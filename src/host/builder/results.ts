import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Reads a text file that a tenant may have written: no link, no device, not too long.
 * @throws Error when it is anything else
 */
export async function readResult(path: string, maxBytes: number): Promise<string> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { size } = await plainFile(file, path);
    if (size > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`);
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Moves a file that a tenant wrote to where only root reaches it, and makes it root's, read-only. */
export async function takeFile(from: string, to: string, bytes: number): Promise<void> {
  const file = await open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { size, ino } = await plainFile(file, from);
    if (size !== bytes) throw new Error(`${from} is ${size} bytes long instead of ${bytes}`);
    await file.chown(0, 0);
    await file.chmod(0o444);
    await file.sync();
    await rename(from, to);
    const moved = await open(to, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const same = (await moved.stat()).ino === ino;
    await moved.close();
    if (!same) throw new Error(`${from} was replaced while it was taken over`);
  } finally {
    await file.close();
  }
}

async function plainFile(file: Awaited<ReturnType<typeof open>>, path: string) {
  const stats = await file.stat();
  if (!stats.isFile() || stats.nlink !== 1) throw new Error(`${path} is not a plain file`);
  return stats;
}

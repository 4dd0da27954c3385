import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Waits until what was written to a file, or the entries of a folder, would survive a power cut. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Renames durably; `from` must have been synced before. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await sync(dirname(to));
}

/** Writes a small file so that either the old or the new content is there, whatever happens. */
export async function writeDurably(path: string, content: string, mode = 0o600): Promise<void> {
  const fresh = `${path}.new`;
  const handle = await open(fresh, 'w', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await renameDurably(fresh, path);
}

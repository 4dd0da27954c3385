import { open } from 'node:fs/promises';
import { runCommand } from './run-command.ts';

/** Makes a file of holes. */
export async function makeSparseFile(path: string, bytes: number, owner: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(bytes);
    await file.chown(owner, owner);
  } finally {
    await file.close();
  }
}

/** Makes the disk that one build works on: its size is the quota. No journal, because it never outlives a crash. */
export async function makeStore(path: string, bytes: number): Promise<void> {
  await makeSparseFile(path, bytes, 0);
  const features = ['-O', '^has_journal', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard'];
  const result = await runCommand('mke2fs', ['-q', '-F', '-t', 'ext4', ...features, path]);
  if (result.code !== 0) throw new Error(`mke2fs failed: ${result.output.trim()}`);
}

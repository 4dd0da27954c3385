import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

const ROOT = join(import.meta.dirname, '../..');
const FLAGS = ['-std=c11', '-O2', '-static', '-pthread', '-Wall', '-Wextra', '-Werror'];
const REMEDY =
  'Install a C compiler and the C library for static linking (Debian and Ubuntu: gcc libc6-dev).';

/** Compiles process 1 of every MicroVM into `cacheDir/bin/guest-agent`, unless its sources are unchanged. */
export async function compileGuestAgent(cacheDir: string): Promise<void> {
  await compile('guest-agent', cacheDir);
}

/** Compiles the jailer into `cacheDir/bin/jailer`, unless its source is unchanged. */
export async function compileJailer(cacheDir: string): Promise<void> {
  await compile('jailer', cacheDir);
}

/** All `.c` files of `folder` become one static program of the same name; the result appears under its name complete. */
async function compile(folder: string, cacheDir: string): Promise<void> {
  const names = readdirSync(join(ROOT, folder)).filter((name) => /\.[ch]$/.test(name));
  const paths = names.sort().map((name) => join(ROOT, folder, name));
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const path of paths) hash.update(readFileSync(path));
  const stamp = hash.digest('hex');
  const bin = join(cacheDir, 'bin');
  const target = join(bin, folder);
  const stampFile = `${target}.stamp`;
  if (existsSync(target) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  mkdirSync(bin, { recursive: true, mode: 0o755 });
  const fresh = `${target}.${process.pid}`;
  const sources = paths.filter((path) => path.endsWith('.c'));
  await runTool('gcc', [...FLAGS, '-o', fresh, ...sources], { remedy: REMEDY });
  renameSync(fresh, target);
  writeFileSync(stampFile, stamp);
}

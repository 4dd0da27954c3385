import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = join(ROOT, 'console');
const VITE = join(ROOT, 'node_modules/vite/bin/vite.js');
const STAMP = 'squib-sources';

/** Where the built front end of the web console lies. */
export function consoleFolder(cacheDir: string): string {
  return join(cacheDir, 'console');
}

/**
 * Builds the web console's front end, unless the one there came from these very sources (a few seconds). It is built
 * under another name and renamed.
 * @throws SquibError when the build fails
 */
export async function ensureConsole(cacheDir: string, say: (line: string) => void): Promise<void> {
  const folder = consoleFolder(cacheDir);
  const stamp = stampOfSources();
  const stampFile = join(folder, STAMP);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('Building the web console, a few seconds …');
  const fresh = `${folder}.${process.pid}`;
  await runTool(
    process.execPath,
    [VITE, 'build', SOURCES, '--outDir', fresh, '--emptyOutDir', '--logLevel', 'warn'],
    {
      remedy: "Run 'npm ci', and 'npm run setup' again.",
    },
  );
  writeFileSync(join(fresh, STAMP), stamp);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

/** Of everything that the build depends on; the lock stands for the libraries. */
function stampOfSources(): string {
  const files = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash('sha256');
  for (const file of [...files.sort(), join(ROOT, 'package-lock.json')]) {
    hash.update(file.slice(ROOT.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

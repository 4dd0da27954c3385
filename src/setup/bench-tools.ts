import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

const PACKAGES = ['nginx', 'nghttp2-client'];
const RECIPE = ['--variant=extract', `--include=${PACKAGES.join(',')}`, 'trixie'];
const MIRROR = 'http://deb.debian.org/debian';
const STAMP = 'squib-recipe';

/** Programs that only benchmarks need. Each is a command line to which arguments are added. */
export interface BenchTools {
  nginx: string[];
  /** A load generator for HTTP/1.1 and HTTP/2. */
  h2load: string[];
}

/**
 * Unpacks nginx and h2load of Debian 13 into the cache directory (15 s, once). They are not installed: that would start a web
 * server on this machine.
 * @throws SquibError when mmdebstrap fails
 */
export async function ensureBenchTools(cacheDir: string, say: (line: string) => void): Promise<BenchTools> {
  const tree = join(cacheDir, 'bench-tools');
  const stamp = createHash('sha256').update(RECIPE.join(' ')).digest('hex');
  const stampFile = join(tree, STAMP);
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
    say('Unpacking nginx and h2load for the benchmark …');
    const fresh = `${tree}.new`;
    mkdirSync(cacheDir, { recursive: true, mode: 0o755 });
    rmSync(fresh, { recursive: true, force: true });
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const keys = existsSync(keyring) ? [`--keyring=${keyring}`] : [];
    await runTool('mmdebstrap', [...RECIPE.slice(0, -1), ...keys, ...RECIPE.slice(-1), fresh, MIRROR], {
      remedy: 'Check that deb.debian.org is reachable.',
    });
    writeFileSync(join(fresh, STAMP), stamp);
    rmSync(tree, { recursive: true, force: true });
    renameSync(fresh, tree);
  }
  // The tree's own loader and libraries: the host's may be older.
  const loader = join(tree, 'usr/lib64/ld-linux-x86-64.so.2');
  const program = (path: string) => [
    loader,
    '--library-path',
    join(tree, 'usr/lib/x86_64-linux-gnu'),
    join(tree, path),
  ];
  return { nginx: program('usr/sbin/nginx'), h2load: program('usr/bin/h2load') };
}

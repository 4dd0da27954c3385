import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

/** AWS's CDK with its library, for the tests: the tool and a stack for it. */
const PACKAGES = ['aws-cdk@2.1148.1', 'aws-cdk-lib@2.276.0', 'constructs@10.8.1'];
const STAMP = 'squib-recipe';

/** Folder with `node_modules` of the CDK, once {@link ensureCdk} made it. */
export function cdkFolder(cacheDir: string): string {
  return join(cacheDir, 'cdk');
}

/**
 * Installs the CDK from npm for the tests, unless it is there (200 MB on disk).
 * @throws SquibError when npm fails.
 */
export async function ensureCdk(cacheDir: string, say: (line: string) => void): Promise<void> {
  const folder = cdkFolder(cacheDir);
  const stamp = PACKAGES.join(' ');
  const stampFile = join(folder, STAMP);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === stamp) return;

  say("Installing AWS's CDK from npm for the tests …");
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o755 });
  writeFileSync(join(fresh, 'package.json'), '{ "private": true }\n');
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--loglevel=error'];
  await runTool('npm', ['install', '--prefix', fresh, ...quiet, ...PACKAGES], {
    remedy: 'Check that npm reaches its registry.',
  });
  writeFileSync(join(fresh, STAMP), `${stamp}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';
import { SquibError } from '../../errors/squib-error.ts';

/** `URL#REF:FOLDER`, as Docker writes a build context in Git; REF is a branch, a tag or a commit. */
export interface GitSource {
  url: string;
  /** Empty: the repository's own choice. */
  ref: string;
  /** Inside the repository; empty: its root. */
  folder: string;
}

export interface Checkout {
  /** Holds the files of the commit, without history. */
  folder: string;
  /** What an image is called after. */
  name: string;
  commit: string;
  remove(): void;
}

/** Git's own way to name a host: `git@host:path`. */
const remote = /^(?:(?:https?|ssh|git|file):\/\/|[\w.-]+@[\w.-]+:)/;

/** Undefined for what is no address of a Git repository. @throws SquibError for an address that cannot be used */
export function gitSource(text: string): GitSource | undefined {
  if (!remote.test(text)) return undefined;
  const [url = '', fragment = ''] = text.split('#', 2);
  const [ref = '', folder = ''] = fragment.split(':', 2);
  if (ref.startsWith('-'))
    throw new SquibError(`'${ref}' is no name of a commit.`, 'Name a branch, a tag or a commit.');
  return { url, ref, folder };
}

/**
 * Fetches one commit and nothing of its history with the system's git, which asks for credentials as it always does.
 * @throws SquibError with git's own words
 */
export async function checkOut({ url, ref, folder }: GitSource): Promise<Checkout> {
  const clone = mkdtempSync(join(tmpdir(), 'squib-git-'));
  const remove = () => rmSync(clone, { recursive: true, force: true });
  try {
    const git = (...args: string[]) => runGit(url, ['-C', clone, ...args]);
    await git('init', '--quiet');
    await git('fetch', '--quiet', '--depth', '1', '--', url, ref || 'HEAD');
    await git('checkout', '--quiet', 'FETCH_HEAD');
    if (existsSync(join(clone, '.gitmodules')))
      await git('submodule', '--quiet', 'update', '--init', '--recursive', '--depth', '1');
    const commit = (await git('rev-parse', 'HEAD')).trim();
    const inside = resolve(clone, folder);
    if (inside !== clone && !inside.startsWith(clone + sep)) throw noFolder(folder, url);
    if (!statSync(inside, { throwIfNoEntry: false })?.isDirectory()) throw noFolder(folder, url);
    const name = folder === '' ? basename(url.replace(/\/+$/, '')).replace(/\.git$/, '') : basename(inside);
    return { folder: inside, name: name.split(':').at(-1) ?? name, commit, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

const noFolder = (folder: string, url: string) =>
  new SquibError(
    `There is no folder '${folder}' in ${url}.`,
    'The part behind the colon is a folder of the repository.',
  );

function runGit(url: string, args: string[]): Promise<string> {
  const child = spawn('git', args, { stdio: ['inherit', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (errors += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new SquibError(`git cannot be run: ${cause.message}.`, 'Install git.', { cause })),
    );
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else
        reject(
          new SquibError(
            withoutPassword(`git cannot fetch ${url}: ${errors.trim()}`),
            'Check address and name of the commit.',
          ),
        );
    });
  });
}

/** Addresses may carry a password, which belongs into no message. */
const withoutPassword = (text: string) => text.replaceAll(/\/\/[^/@\s]*@/g, '//');

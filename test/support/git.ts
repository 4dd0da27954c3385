import { execFileSync } from 'node:child_process';

/** Commits all files of a folder, which becomes a repository if it is none, and tags the commit. @returns its hash */
export function commit(folder: string, tag: string): string {
  const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '--all');
  git(...author, 'commit', '--quiet', '--message', tag);
  git(...author, 'tag', tag);
  return git('rev-parse', 'HEAD').trim();
}

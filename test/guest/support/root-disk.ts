import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const programs = [
  'sh',
  'bash',
  'cat',
  'stty',
  'id',
  'sleep',
  'ls',
  'mount',
  'mknod',
  'tty',
  'head',
  'unshare',
];

/** A tiny ext4 root disk: a shell and a few programs of the runtime tree, and the test's probe as /probe. */
export function makeRootDisk(cacheDir: string, file: string): void {
  const tree = join(cacheDir, 'runtime');
  const root = mkdtempSync(join(tmpdir(), 'squib-root-'));
  try {
    const put = (path: string) => {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      copyFileSync(realpathSync(join(tree, path)), join(root, path));
    };
    for (const name of programs) {
      put(`/usr/bin/${name}`);
      const needed = execFileSync('chroot', [tree, 'ldd', `/usr/bin/${name}`], { encoding: 'utf8' });
      for (const [library] of needed.matchAll(/\/\S+/g))
        put(library.startsWith('/usr') ? library : `/usr${library}`);
    }
    for (const name of ['bin', 'lib', 'lib64']) execFileSync('ln', ['-s', `usr/${name}`, join(root, name)]);
    for (const name of ['etc', 'tmp', 'root', 'work']) mkdirSync(join(root, name));
    chmodSync(join(root, 'tmp'), 0o1777);
    chmodSync(join(root, 'etc'), 0o755);
    writeFileSync(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
    );
    const probe = join(import.meta.dirname, 'probe.c');
    execFileSync('gcc', ['-O1', '-static', '-pthread', '-o', join(root, 'probe'), probe]);
    // mke2fs of the runtime tree, run outside of it with the tree's own loader and libraries.
    const loader = join(tree, 'lib64/ld-linux-x86-64.so.2');
    const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
    const mke2fs = [join(tree, 'usr/sbin/mke2fs'), '-q', '-F', '-t', 'ext4', '-d', root, file, '96M'];
    execFileSync(loader, ['--library-path', libraries, ...mke2fs], { stdio: 'pipe' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

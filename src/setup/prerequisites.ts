import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';

/** Something that the machine itself must have; everything else lives in the cache directory. */
export interface Prerequisite {
  /** Debian's and Ubuntu's package. */
  package: string;
  why: string;
  present(): boolean;
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function hasCommand(name: string): boolean {
  const folders = `${process.env.PATH ?? ''}:${searchPath}`.split(':');
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Libraries lie in a folder named after the architecture. */
function hasLibrary(name: string): boolean {
  return ['/lib', '/usr/lib', '/usr/lib64'].some(
    (folder) =>
      existsSync(folder) &&
      (existsSync(join(folder, name)) ||
        readdirSync(folder).some((sub) => existsSync(join(folder, sub, name)))),
  );
}

const command = (name: string) => () => hasCommand(name);

/** In the order in which they are reported. */
export const prerequisites: Prerequisite[] = [
  {
    package: 'mmdebstrap',
    why: 'makes the runtime tree that holds QEMU and the image builder',
    present: command('mmdebstrap'),
  },
  {
    package: 'debian-archive-keyring',
    why: "verifies the runtime tree's packages",
    present: () => existsSync('/usr/share/keyrings/debian-archive-keyring.gpg'),
  },
  { package: 'gcc', why: 'compiles the guest agent and the jailer', present: command('gcc') },
  { package: 'libc6-dev', why: 'the C library they are linked with', present: () => hasLibrary('libc.a') },
  { package: 'openssl', why: 'makes the local certificate authority', present: command('openssl') },
  {
    package: 'nftables',
    why: 'keeps image builds away from the host and private networks',
    present: command('nft'),
  },
  { package: 'iproute2', why: 'makes the network namespaces of image builds', present: command('ip') },
  {
    package: 'libnss-myhostname',
    why: 'lets every program resolve names below localhost, where the endpoints are',
    present: () => hasLibrary('libnss_myhostname.so.2'),
  },
];

/** What only the tests need: AWS's Python clients live in an environment of their own (`test-clients.ts`). */
export const testPrerequisites: Prerequisite[] = [
  { package: 'python3', why: "runs AWS's Python clients in the tests", present: command('python3') },
  { package: 'python3-venv', why: 'makes the environment that they live in', present: hasPythonVenv },
  { package: 'zip', why: 'packs applications as the guides do', present: command('zip') },
  { package: 'curl', why: 'asks endpoints as the guides do', present: command('curl') },
  {
    package: 'tmux',
    why: 'is the terminal in which the tests drive the command line',
    present: command('tmux'),
  },
  { package: 'zsh', why: 'completes commands in the tests', present: command('zsh') },
  {
    package: 'ca-certificates',
    why: 'is the store of certificates that the tests of squib trust change',
    present: command('update-ca-certificates'),
  },
  { package: 'fish', why: 'the same', present: command('fish') },
  { package: 'strace', why: 'makes disks slow in the tests', present: command('strace') },
  { package: 'chromium', why: 'opens the web console in the tests', present: command('chromium') },
];

/** Debian splits venv's bundled pip off Python. */
function hasPythonVenv(): boolean {
  return spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status === 0;
}

/** `ID` and `ID_LIKE` of /etc/os-release. */
function isDebianLike(): boolean {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}

/**
 * Installs what is missing, saying what and why first.
 * @param wanted what to look for.
 * @throws SquibError naming the packages where the system is not Debian or Ubuntu.
 */
export function ensurePrerequisites(wanted: readonly Prerequisite[], say: (line: string) => void): void {
  const missing = wanted.filter((item) => !item.present());
  if (missing.length === 0) return;
  say('These packages are missing on this machine and will be installed with apt:');
  for (const item of missing) say(`  ${item.package.padEnd(24)} ${item.why}`);
  const names = missing.map((item) => item.package);
  if (!isDebianLike() || !hasCommand('apt-get')) {
    throw new SquibError(
      `squib sets up Debian and Ubuntu by itself; this system is neither. Missing: ${names.join(', ')}.`,
      'Install these by the names that your distribution gives them, then run the command again.',
    );
  }
  apt(['update'], names);
  apt(['install', '-y', '--no-install-recommends', ...names], names);
  const left = missing.filter((item) => !item.present()).map((item) => item.package);
  if (left.length > 0) {
    throw new SquibError(
      `apt reported success, but these are still missing: ${left.join(', ')}.`,
      'Install them by hand, then run the command again.',
    );
  }
}

function apt(args: string[], names: string[]): void {
  const { status, stdout, stderr, error } = spawnSync('apt-get', ['-qq', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  const said = error?.message ?? `${stdout}${stderr}`.trim().split('\n').slice(-5).join('\n');
  throw new SquibError(
    `apt-get ${args[0]} failed:\n${said}`,
    `Correct that, or install these packages yourself: ${names.join(' ')}.`,
  );
}

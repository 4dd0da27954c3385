import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { runCommand } from '../host/builder/run-command.ts';
import { type LayerBlob, writeImage, writeLayer, writeLayout } from './oci-layout.ts';

/** Registry name → where the stand-in is: entries for the setting `mirrors` of the image builder. */
export type StandInMirrors = Record<string, string>;

const HOST_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

const MINIMAL_PACKAGES = ['bash', 'ca-certificates', 'curl'];
const PYTHON_PACKAGES = ['python3', 'python3-pip', 'python3-venv'];

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const IMAGES = {
  'al2023-minimal': {
    name: 'public.ecr.aws/lambda/microvms:al2023-minimal',
    layers: ['minimal'],
    config: { Env: [`PATH=${PATH}`], Cmd: ['/bin/bash'] },
  },
  'python-3.13-slim': {
    name: 'docker.io/library/python:3.13-slim',
    layers: ['minimal', 'python'],
    config: { Env: [`PATH=${PATH}`, 'LANG=C.UTF-8'], Cmd: ['python3'] },
  },
  'debian-13-slim': {
    name: 'docker.io/library/debian:13-slim',
    layers: ['minimal'],
    config: { Env: [`PATH=${PATH}`], Cmd: ['bash'] },
  },
  'node-24-slim': {
    name: 'docker.io/library/node:24-slim',
    layers: ['minimal', 'node'],
    config: { Env: [`PATH=${PATH}`, `NODE_EXTRA_CA_CERTS=${HOST_CERTIFICATES}`], Cmd: ['node'] },
  },
} as const;

/** Counts changes of how images are written that the rest of the recipe does not show. */
const RECIPE = 2;

const NPM_VERSION = '11.6.2';

/**
 * One mmdebstrap run makes both layers: the second holds what changed after the first was packed. Lists and caches
 * of apt stay out of both, as in the images of the registries.
 */
const PACK_HOOK = `
set -eu
pack() { tar --numeric-owner --xattrs -C "$1" -cf "$2" --null --no-recursion -T - || [ $? = 1 ]; } # 1: mount points change
keep() { grep -zv -e '^./var/lib/apt/lists/.' -e '^./var/cache/apt/.' -e '^./proc/.' -e '^./sys/.' -e '^./dev/.' \\
  -e '^./tmp/.' -e '^./run/.' -e '^./var/log/.' -e '^./etc/\\(resolv.conf\\|hostname\\)$' -e '^./usr/sbin/policy-rc.d$'; }
cp "$SQUIB_CERTIFICATES" "$1/etc/ssl/certs/ca-certificates.crt"
(cd "$1" && find . -xdev -print0) | keep | pack "$1" "$SQUIB_WORK/minimal.tar"
touch "$SQUIB_WORK/stamp"
sleep 0.1
DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y --no-install-recommends $SQUIB_PYTHON_PACKAGES
rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
cp "$SQUIB_CERTIFICATES" "$1/etc/ssl/certs/ca-certificates.crt"
for name in python python3; do ln -s /usr/bin/python3 "$1/usr/local/bin/$name"; done
for name in pip pip3; do ln -s /usr/bin/pip3 "$1/usr/local/bin/$name"; done
(cd "$1" && find . -xdev -cnewer "$SQUIB_WORK/stamp" -print0) | keep | pack "$1" "$SQUIB_WORK/python.tar"
`;

/**
 * Base images made of Debian packages, for machines that reach no container registry: they carry the names of the real
 * images but are not them (Debian 13 with apt instead of Amazon Linux with dnf; Debian's Python). The host's bundle of
 * certificate authorities is copied in, so that TLS works behind a proxy that the host trusts.
 * Made once per recipe; takes about half a minute and the host package `mmdebstrap`.
 *
 * @param say receives one line for the user per step
 * @returns entries for the image builder's `mirrors`
 */
export async function ensureStandInImages(
  cacheDir: string,
  say: (line: string) => void,
): Promise<StandInMirrors> {
  const parent = join(cacheDir, 'stand-in');
  const layout = join(parent, await recipeHash());
  if (!(await exists(join(layout, 'index.json')))) {
    say(
      'making stand-in base images from Debian packages (not the real images of the registries), about 30 s',
    );
    await make(parent, layout);
    say(
      `stand-in base images ready: ${Object.values(IMAGES)
        .map((image) => image.name)
        .join(', ')}`,
    );
  }
  return Object.fromEntries(
    Object.entries(IMAGES).map(([tag, image]) => [image.name, `oci:${layout}:${tag}`]),
  );
}

async function make(parent: string, layout: string): Promise<void> {
  const work = `${layout}.${process.pid}.partial`;
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, 'layout', 'blobs', 'sha256'), { recursive: true });
  try {
    const result = await runCommand('mmdebstrap', mmdebstrapArguments(), {
      env: {
        ...process.env,
        SQUIB_WORK: work,
        SQUIB_CERTIFICATES: HOST_CERTIFICATES,
        SQUIB_PYTHON_PACKAGES: PYTHON_PACKAGES.join(' '),
        SQUIB_PACK: PACK_HOOK,
      },
    });
    if (result.code !== 0) {
      throw new SquibError(
        `mmdebstrap could not make the stand-in base images:\n${result.output.slice(-2000)}`,
        'Check that this machine reaches http://deb.debian.org and that mmdebstrap is installed.',
      );
    }
    await packNode(work);
    const layers: Record<string, LayerBlob> = {};
    for (const name of ['minimal', 'python', 'node']) {
      layers[name] = await writeLayer(join(work, 'layout'), join(work, `${name}.tar`));
    }
    const manifests = [];
    for (const [tag, image] of Object.entries(IMAGES)) {
      const blobs = image.layers.map((name) => layers[name]!);
      manifests.push(await writeImage(join(work, 'layout'), tag, blobs, image.config));
    }
    await writeLayout(join(work, 'layout'), manifests);
    await rm(layout, { recursive: true, force: true });
    await rename(join(work, 'layout'), layout);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await removeOlder(parent, layout);
}

/** Node.js is the one that runs squib; npm comes from its registry. */
async function packNode(work: string): Promise<void> {
  const local = join(work, 'node', 'usr', 'local');
  const modules = join(local, 'lib', 'node_modules');
  await mkdir(join(local, 'bin'), { recursive: true });
  await mkdir(modules, { recursive: true });
  await copyFile(process.execPath, join(local, 'bin', 'node'));
  await chmod(join(local, 'bin', 'node'), 0o755);
  await command('npm', 'pack', '--silent', '--pack-destination', work, `npm@${NPM_VERSION}`);
  await command('tar', '-xzf', join(work, `npm-${NPM_VERSION}.tgz`), '-C', modules);
  await rename(join(modules, 'package'), join(modules, 'npm'));
  for (const name of ['npm', 'npx']) {
    await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
  }
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  await command('tar', ...owner, '-C', join(work, 'node'), '-cf', join(work, 'node.tar'), './usr');
}

async function command(name: string, ...args: string[]): Promise<void> {
  const { code, output } = await runCommand(name, args);
  if (code !== 0) {
    throw new SquibError(
      `${name} ended with ${code} while stand-in base images were made:\n${output.slice(-2000)}`,
      'Check that this machine reaches the npm registry.',
    );
  }
}

function mmdebstrapArguments(): string[] {
  return [
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    `--include=${MINIMAL_PACKAGES.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
    '--dpkgopt=path-exclude=/usr/share/man/*',
    '--dpkgopt=path-exclude=/usr/share/locale/*',
    '--customize-hook=sh -c "$SQUIB_PACK" pack "$1"',
    'trixie',
    '/dev/null',
    'http://deb.debian.org/debian',
  ];
}

/** Changes with everything that goes into the images except the state of Debian's archive. */
async function recipeHash(): Promise<string> {
  const hash = createHash('sha256');
  const { version } = process;
  const parts = [RECIPE, process.arch, version, NPM_VERSION, PYTHON_PACKAGES, PACK_HOOK, IMAGES];
  hash.update(JSON.stringify([...parts, mmdebstrapArguments()]));
  hash.update(await readFile(HOST_CERTIFICATES));
  return hash.digest('hex').slice(0, 16);
}

async function removeOlder(parent: string, current: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (path !== current && !name.endsWith('.partial')) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Writes what squib consists of as CycloneDX JSON: its npm packages, and what the set-up fetches from Debian (the
 * packages of the runtime tree, and the guest's kernel).
 * Usage: npm run --silent sbom [-- --cache DIRECTORY] >squib.cdx.json
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config/config.ts';
import { runtimeTree } from '../src/setup/runtime-tree.ts';

interface Component {
  type: string;
  'bom-ref': string;
  name: string;
  version: string;
  purl: string;
  properties?: { name: string; value: string }[];
}

const { values } = parseArgs({ options: { cache: { type: 'string' } } });
const cacheDir = values.cache ?? readConfig().cacheDir;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    console.error(`squib: ${path} cannot be read (${(error as Error).message}). Run 'npm run setup' first.`);
    process.exit(1);
  }
}

function debianPackage(name: string, version: string, architecture: string, source: string): Component {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-13`;
  const properties = [{ name: 'squib:source', value: source }];
  return { type: 'library', 'bom-ref': purl, name, version, purl, properties };
}

/** Every installed package of the runtime tree, out of dpkg's own list. */
function runtimePackages(): Component[] {
  const status = read(join(runtimeTree(cacheDir), 'var/lib/dpkg/status'));
  return status.split('\n\n').flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
    const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map(field);
    if (!name || !version || !architecture || !field('Status')?.endsWith(' installed')) return [];
    return [debianPackage(name, version, architecture, 'runtime tree')];
  });
}

function kernel(): Component {
  const version = read(join(cacheDir, 'kernel/version')).trim();
  const [, upstream = version, architecture = 'amd64'] = /^(\S+?)-cloud-(\w+)$/.exec(version) ?? [];
  return debianPackage(`linux-image-${version}`, upstream, architecture, 'kernel of the MicroVMs');
}

// `--omit=dev` also leaves out what packages of development share with squib's own.
const npm = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
const forDevelopment = ({ properties = [] }: Component) =>
  properties.some(({ name }) => name === 'cdx:npm:package:development');
const bom = JSON.parse(execFileSync('npm', npm, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' }));
bom.metadata.component.name = 'squib';
bom.components = [
  ...(bom.components as Component[]).filter((each) => !forDevelopment(each)),
  ...runtimePackages(),
  kernel(),
];
console.log(JSON.stringify(bom, undefined, 2));

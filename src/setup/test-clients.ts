import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

/** Everything that pip installs, so that the tests meet the same clients on every machine. */
const PACKAGES = {
  aiohappyeyeballs: '2.7.1',
  aiohttp: '3.14.5',
  aiosignal: '1.4.0',
  attrs: '26.1.0',
  awscli: '1.46.3',
  boto3: '1.44.5',
  botocore: '1.44.5',
  certifi: '2026.10.19.post1',
  'charset-normalizer': '3.5.2',
  colorama: '0.4.6',
  docutils: '0.19',
  frozenlist: '1.8.0',
  grpcio: '1.85.3',
  idna: '3.20',
  jmespath: '1.1.0',
  multidict: '7.2.1',
  propcache: '0.5.4',
  pyasn1: '0.6.5',
  'python-dateutil': '2.9.0.post0',
  PyYAML: '6.0.3',
  requests: '2.34.2',
  rsa: '4.7.2',
  s3transfer: '0.19.3',
  six: '1.17.0',
  typing_extensions: '4.16.0',
  urllib3: '2.8.0',
  websockets: '17.4',
  yarl: '1.25.1',
};
const STAMP = 'squib-recipe';

/** pip writes the environment's first folder into its scripts; this one finds its Python beside itself. */
const AWS = `#!/bin/sh
exec "$(dirname "$0")/python" -m awscli "$@"
`;

/** Programs of the environment. */
export interface TestClients {
  /** Python that has boto3, and the usual clients of HTTP, WebSocket and gRPC. */
  python: string;
  /** The AWS CLI. */
  aws: string;
}

/** Where the clients are once {@link ensureTestClients} made them. */
export function testClients(cacheDir: string): TestClients {
  const bin = join(cacheDir, 'test-clients', 'bin');
  return { python: join(bin, 'python'), aws: join(bin, 'aws') };
}

/**
 * Makes a Python environment with the AWS CLI and all client libraries of the tests from PyPI, unless the one there came from this very recipe
 * (about half a minute, 150 MB). It is built under another name and renamed.
 * @throws SquibError when Python has no venv or pip fails.
 */
export async function ensureTestClients(cacheDir: string, say: (line: string) => void): Promise<TestClients> {
  const folder = join(cacheDir, 'test-clients');
  const requirements = Object.entries(PACKAGES).map(([name, version]) => `${name}==${version}`);
  const stamp = createHash('sha256')
    .update(JSON.stringify([requirements, AWS]))
    .digest('hex');
  const stampFile = join(folder, STAMP);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === stamp) return testClients(cacheDir);

  say('Installing boto3, the AWS CLI and other clients from PyPI for the tests, about half a minute …');
  const fresh = `${folder}.new`;
  mkdirSync(cacheDir, { recursive: true, mode: 0o755 });
  rmSync(fresh, { recursive: true, force: true });
  await runTool('python3', ['-m', 'venv', fresh], { remedy: 'Install python3 and python3-venv.' });
  await runTool(
    join(fresh, 'bin/python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...requirements],
    { remedy: 'Check that pypi.org is reachable.' },
  );
  writeFileSync(join(fresh, 'bin/aws'), AWS);
  chmodSync(join(fresh, 'bin/aws'), 0o755);
  writeFileSync(join(fresh, STAMP), `${stamp}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return testClients(cacheDir);
}

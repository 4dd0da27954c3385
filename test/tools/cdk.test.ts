// AWS's CDK itself: bootstrap, deploy, destroy, with the roles that its bootstrap makes.
import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cdkFolder } from '../../src/setup/cdk.ts';
import { aws, runProgram } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
let folder: string;

before(async () => {
  // What its bootstrap wants beside MicroVMs' resources: a registry for container images.
  squib = await TestSquib.start({ cloudFormation: { skipUnsupported: true } });
  folder = join(squib.config.dataDir, 'cdk');
  cpSync(fileURLToPath(new URL('./cdk-app', import.meta.url)), folder, { recursive: true });
  symlinkSync(join(cdkFolder(squib.config.cacheDir), 'node_modules'), join(folder, 'node_modules'));
});
after(() => squib.remove());

async function cdk(...args: string[]): Promise<string> {
  const program = join(folder, 'node_modules/aws-cdk/bin/cdk');
  const all = [program, ...args, '--app', 'node app.mjs', '--ci', '--no-notices', '--progress', 'events'];
  const { stdout, stderr, code } = await runProgram(squib, process.execPath, all, {
    ...{ cwd: folder, env: { CDK_DISABLE_VERSION_CHECK: '1', CI: 'true' } },
  });
  assert.equal(code, 0, `${stdout}${stderr}`);
  return stdout;
}

test('cdk bootstrap makes its roles, its bucket and the parameter with its version', async () => {
  await cdk('bootstrap');
  const name = ['--name', '/cdk-bootstrap/hnb659fds/version'];
  const { Parameter } = await aws(squib, ['ssm', 'get-parameter', ...name]);
  assert.ok(Number(Parameter.Value) >= 6);
  const bucket = `cdk-hnb659fds-assets-${squib.config.accountId}-${squib.config.region}`;
  assert.equal((await aws(squib, ['s3api', 'get-bucket-versioning', '--bucket', bucket])).Status, 'Enabled');
  assert.match(
    (await aws(squib, ['s3api', 'get-bucket-policy', '--bucket', bucket])).Policy,
    /AllowSSLRequestsOnly/,
  );
});

test('cdk deploy uploads the folder and makes the stack in the name of its roles', async () => {
  const output = await cdk('deploy', '--require-approval', 'never');
  const [, uri = ''] = /CdkStack\.CodeUri = (s3:\S+)/.exec(output) ?? [];
  assert.match(await aws(squib, ['s3', 'ls', uri]), /\.zip$/);
  const { Parameter } = await aws(squib, ['ssm', 'get-parameter', '--name', '/cdk/data']);
  const bucket = ['--bucket', Parameter.Value];
  assert.equal((await aws(squib, ['s3api', 'get-bucket-versioning', ...bucket])).Status, 'Enabled');
});

test('a second cdk deploy finds nothing to do; cdk destroy leaves nothing', async () => {
  assert.match(await cdk('deploy', '--require-approval', 'never'), /no changes/);
  await cdk('destroy', '--force');
  const { Roles } = await aws(squib, ['iam', 'list-roles']);
  assert.ok(Roles.every(({ RoleName }: { RoleName: string }) => RoleName.startsWith('cdk-')));
});

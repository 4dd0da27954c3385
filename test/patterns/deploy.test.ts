// `squib deploy FOLDER`: the short way, with the folders of the patterns.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { aws, runProgram } from '../support/aws-cli.ts';
import { commit } from '../support/git.ts';
import { TestSquib } from '../support/squib.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
let squib: TestSquib;
let app: string;
const deploy = (...args: string[]) => deployFrom(app, ...args);
const deployFrom = (source: string, ...args: string[]) =>
  runProgram(squib, process.execPath, [program, 'deploy', source, '--name', 'short', ...args]);

before(async () => {
  squib = await TestSquib.start();
  app = join(squib.config.dataDir, 'app');
  cpSync(fileURLToPath(new URL('./from-zip/app', import.meta.url)), app, { recursive: true });
});
after(() => squib.remove());

test('a folder becomes an image; its log is shown in plain lines', async () => {
  const hooks = { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 } };
  const settings = join(squib.config.dataDir, 'settings.json');
  writeFileSync(settings, JSON.stringify({ hooks }));
  const { stdout, stderr, code } = await deploy(
    '--memory',
    '512',
    '--env',
    'GREETING=hi',
    '--settings',
    settings,
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Uploaded 3 files/);
  assert.match(stdout, /release one listens/);
  assert.match(stdout, /short version 1\.0 is ready/);
  assert.ok(!stdout.includes('\x1b'));
});

test('a commit of a Git repository makes the next version; a failed build is told in words', async () => {
  const repository = join(squib.config.dataDir, 'repository');
  cpSync(app, join(repository, 'services/app'), { recursive: true });
  writeFileSync(
    join(repository, 'services/app/Dockerfile'),
    'FROM python:3.13-slim\nRUN echo broken && exit 3\n',
  );
  commit(repository, 'broken');
  const { stdout, stderr, code } = await deployFrom(`file://${repository}#broken:services/app`);
  assert.equal(code, 1);
  assert.match(stdout, /^Checked out commit [0-9a-f]{40}$/m);
  assert.match(stdout, /version 2\.0/);
  assert.match(stdout, /broken/);
  assert.match(stderr, /^squib: Version 2\.0 was not built: /);
});

test('a stack whose creation a crash interrupted is finished by the next daemon', async () => {
  const template = fileURLToPath(new URL('./code-execution/template.yaml', import.meta.url));
  const [bucket, key] = ['squib-deploy', 'short/app.zip'];
  const zip = join(squib.config.dataDir, 'app.zip');
  cpSync(fileURLToPath(new URL('./from-zip/app', import.meta.url)), app, { recursive: true });
  const packed = await runProgram(squib, 'bash', ['-c', `cd ${app} && python -m zipfile -c ${zip} ./*`]);
  assert.equal(packed.code, 0, packed.stderr);
  await aws(squib, ['s3', 'cp', zip, `s3://${bucket}/${key}`]);
  const parameters = Object.entries({ ArtifactBucket: bucket, ArtifactKey: key }).map(
    ([name, value]) => `ParameterKey=${name},ParameterValue=${value}`,
  );
  const create = [
    'cloudformation',
    'create-stack',
    '--stack-name',
    'cut',
    '--capabilities',
    'CAPABILITY_NAMED_IAM',
  ];
  await aws(squib, [...create, '--template-body', `file://${template}`, '--parameters', ...parameters]);
  const image = async () => {
    const { StackResources } = await aws(squib, [
      'cloudformation',
      'describe-stack-resources',
      '--stack-name',
      'cut',
    ]);
    return StackResources.find(({ LogicalResourceId: id }: { LogicalResourceId: string }) => id === 'Image');
  };
  while ((await image())?.ResourceStatus !== 'CREATE_IN_PROGRESS') await sleep(200);
  await squib.down('SIGKILL');
  await squib.up();
  for (;;) {
    const { Stacks } = await aws(squib, ['cloudformation', 'describe-stacks', '--stack-name', 'cut']);
    if (Stacks[0].StackStatus === 'CREATE_COMPLETE') break;
    assert.equal(Stacks[0].StackStatus, 'CREATE_IN_PROGRESS', Stacks[0].StackStatusReason);
    await sleep(2000); // each look takes a second of a processor that the build could use
  }
  assert.equal((await image()).ResourceStatus, 'CREATE_COMPLETE');
});

test('wrong use says what is expected', async () => {
  const empty = await runProgram(squib, process.execPath, [program, 'deploy', squib.layout.logs]);
  assert.match(empty.stderr, /There is no Dockerfile/);
  assert.match((await deploy('--env', 'oops')).stderr, /NAME=VALUE/);
});

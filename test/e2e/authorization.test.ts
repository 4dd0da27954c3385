import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateMicrovmImageCommand,
  GetMicrovmImageCommand,
  LambdaMicrovmsClient,
  ListMicrovmsCommand,
  RunMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { TestSquib } from '../support/squib.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
let squib: TestSquib;
let keys: { accessKeyId: string; secretAccessKey: string };

const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:mine';
const policy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['lambda:*Microvm*', 'lambda:GetMicrovmImage'], Resource: [image] },
    { Effect: 'Allow', Action: 'lambda:ListMicrovms', Resource: '*' },
    { Effect: 'Deny', Action: 'lambda:RunMicrovm', Resource: image },
    {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:DeleteObject'],
      Resource: `arn:aws:s3:::files/\${aws:username}/*`,
    },
    {
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: 'arn:aws:s3:::files',
      Condition: { StringLike: { 's3:prefix': `\${aws:username}/*` } },
    },
  ],
};

/** Runs `squib credentials …` as a user would. */
async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, 'credentials', ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { stdout, stderr, code };
}
const asRoot = (...args: string[]) => run([...args, '--config', join(squib.config.dataDir, 'config.json')]);

function clients() {
  const common = {
    endpoint: `http://127.0.0.1:${squib.config.api.port}`,
    ...{ region: 'us-east-1', credentials: keys, maxAttempts: 1 },
  };
  return {
    microvms: new LambdaMicrovmsClient(common),
    s3: new S3Client({ ...common, forcePathStyle: true }),
    logs: new CloudWatchLogsClient(common),
  };
}

const denied = (name: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error);
  assert.equal(error.name, name);
  assert.match(error.message, message);
  return true;
};

before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

test('squib credentials create shows the secret, once', async () => {
  const file = join(squib.config.dataDir, 'policy.json');
  writeFileSync(file, JSON.stringify(policy));
  const made = await asRoot('create', 'ann', '--policy', file, '--json');
  assert.equal(made.code, 0, made.stderr);
  keys = JSON.parse(made.stdout);
  const list = await asRoot('list');
  assert.match(list.stdout, new RegExp(`ann\\s+${keys.accessKeyId}\\s+enabled`));
  const shown = await asRoot('show', 'ann', '--json');
  assert.equal(JSON.parse(shown.stdout).arn, 'arn:aws:iam::000000000000:user/ann');
  assert.ok(!`${list.stdout}${shown.stdout}`.includes(keys.secretAccessKey));

  const again = await asRoot('create', 'ann', '--policy', file);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /'ann' already exists/);
  writeFileSync(file, '{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}');
  assert.match((await asRoot('create', 'bob', '--policy', file)).stderr, /Statement\[0\]\.Action .*'x'/);
});

test('Lambda: what the policy allows passes, the rest is denied in AWS words', async () => {
  const { microvms } = clients();
  const arn = 'arn:aws:iam::000000000000:user/ann';
  await microvms.send(new ListMicrovmsCommand({}));
  await assert.rejects(
    microvms.send(new GetMicrovmImageCommand({ imageIdentifier: image })),
    denied('ResourceNotFoundException', /MicroVMImage not found/),
  );
  await assert.rejects(
    microvms.send(new GetMicrovmImageCommand({ imageIdentifier: `${image}2` })),
    denied(
      'AccessDeniedException',
      new RegExp(
        `^User: ${arn} is not authorized to perform: lambda:GetMicrovmImage on resource: ${image}2 because`,
      ),
    ),
  );
  await assert.rejects(
    microvms.send(new RunMicrovmCommand({ imageIdentifier: image })),
    denied(
      'AccessDeniedException',
      /lambda:RunMicrovm .* with an explicit deny in an identity-based policy$/,
    ),
  );
});

test('S3 and CloudWatch Logs are behind the same policy', async () => {
  const root = squib.clients;
  await root.s3.send(new CreateBucketCommand({ Bucket: 'files' }));
  for (const Key of ['ann/x', 'bob/x']) {
    await root.s3.send(new PutObjectCommand({ Bucket: 'files', Key, Body: 'x' }));
  }
  const { s3, logs } = clients();
  await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'ann/x' }));
  await s3.send(new ListObjectsV2Command({ Bucket: 'files', Prefix: 'ann/' }));
  const refusal = denied('AccessDenied', /is not authorized to perform: s3:/);
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'bob/x' })), refusal);
  await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket: 'files' })), refusal);
  await assert.rejects(s3.send(new PutObjectCommand({ Bucket: 'files', Key: 'ann/y', Body: 'y' })), refusal);
  const { Deleted, Errors } = await s3.send(
    new DeleteObjectsCommand({ Bucket: 'files', Delete: { Objects: [{ Key: 'ann/x' }, { Key: 'bob/x' }] } }),
  );
  assert.deepEqual(
    Deleted?.map(({ Key }) => Key),
    ['ann/x'],
  );
  assert.deepEqual(
    Errors?.map(({ Key, Code }) => [Key, Code]),
    [['bob/x', 'AccessDenied']],
  );
  await root.s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'bob/x' }));
  await assert.rejects(
    logs.send(new DescribeLogGroupsCommand({})),
    denied('AccessDeniedException', /logs:DescribeLogGroups/),
  );
});

test('credentials are managed by those who may', async () => {
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${squib.config.api.port}`,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_REGION: 'us-east-1',
  };
  const refused = await run(['list'], env);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /not authorized to perform: squib:ListCredentials on resource: \*/);

  assert.match((await asRoot('update', 'ann', '--disable')).stdout, /ann is disabled/);
  await assert.rejects(clients().microvms.send(new ListMicrovmsCommand({})), {
    name: 'UnrecognizedClientException',
  });
  await asRoot('update', 'ann', '--enable');
  await clients().microvms.send(new ListMicrovmsCommand({}));
  assert.equal((await asRoot('delete', 'ann')).code, 0);
  await assert.rejects(clients().microvms.send(new ListMicrovmsCommand({})), {
    name: 'UnrecognizedClientException',
  });
  assert.match((await asRoot('delete', 'ann')).stderr, /no credential for the user 'ann'/);
});

test('every call is in the audit record, without secrets', async () => {
  await assert.rejects(
    squib.clients.microvms.send(
      new CreateMicrovmImageCommand({
        ...{ name: 'x', baseImageArn: squib.baseImageArn, buildRoleArn: squib.buildRoleArn },
        codeArtifact: { uri: 'not s3' },
        environmentVariables: { PASSWORD: 'very secret' },
      }),
    ),
  );
  await squib.down('SIGTERM');
  const file = join(squib.config.dataDir, 'audit', 'audit.jsonl');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const record = readFileSync(file, 'utf8');
  const events = record
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (name: string) => events.filter(({ eventName }) => eventName === name);
  const [created] = of('CreateCredential');
  assert.equal(created.userIdentity.type, 'Root');
  assert.equal(created.eventSource, 'squib');
  assert.equal(created.responseElements.secretAccessKey, 'HIDDEN_DUE_TO_SECURITY_REASONS');
  const [runDenied] = of('RunMicrovm');
  assert.equal(runDenied.errorCode, 'AccessDeniedException');
  assert.equal(runDenied.userIdentity.userName, 'ann');
  assert.equal(runDenied.eventCategory, 'Data');
  assert.deepEqual(runDenied.resources[0].ARN, image);
  assert.equal(of('GetObject').length, 3);
  const [image1] = of('CreateMicrovmImage');
  assert.equal(image1.requestParameters.environmentVariables.PASSWORD, 'HIDDEN_DUE_TO_SECURITY_REASONS');
  assert.ok(!record.includes('very secret'));
  assert.ok(!record.includes(keys.secretAccessKey));
});

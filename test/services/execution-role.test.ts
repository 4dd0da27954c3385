// What code in a MicroVM does with the keys of its execution role: squib's own, and those of another STS.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { aws, type Keys } from '../support/aws-cli.ts';
import { bucket, buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { mint, run, type TestMicrovm } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

const account = '000000000000';
const arnOf = (role: string) => `arn:aws:iam::${account}:role/${role}`;
const statement = (more: object) => JSON.stringify({ Version: '2012-10-17', Statement: [more] });
const trusting = (Principal: object) => statement({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' });
const file = (name: string) => readFileSync(new URL(`./execution-role/${name}`, import.meta.url));

let squib: TestSquib;
let elsewhere: TestSquib;
let image: string;
let worker: TestMicrovm;

async function makeRole(where: TestSquib, name: string, trust: string, policy: string): Promise<void> {
  const role = ['--role-name', name];
  await aws(where, ['iam', 'create-role', ...role, '--assume-role-policy-document', trust]);
  await aws(where, ['iam', 'put-role-policy', ...role, '--policy-name', 'p', '--policy-document', policy]);
}

before(async () => {
  elsewhere = await TestSquib.start();
  const root = readRootCredential(elsewhere.layout.keys);
  const keysFile = join(elsewhere.config.dataDir, 'caller.json');
  writeFileSync(keysFile, JSON.stringify(root), { mode: 0o600 });
  const endpoint = `http://127.0.0.1:${elsewhere.config.api.port}`;
  const assumeRole = { endpoint, credentialsFile: keysFile };
  squib = await TestSquib.start({
    apiInMicrovms: true,
    roles: {
      [arnOf('remote')]: { assumeRole },
      [arnOf('refused')]: { assumeRole: { ...assumeRole, roleArn: arnOf('unheard-of') } },
    },
  });
  const files = { Dockerfile: file('Dockerfile'), 'app.py': file('app.py') };
  image = await createImage(squib, 'worker', await put(squib, 'worker.zip', await zip(files)), {
    environmentVariables: { AWS_ENDPOINT_URL: 'http://169.254.169.252' },
  });
  const { state, reason } = await imageSettled(squib, image);
  assert.equal(state, 'CREATED', `${reason}\n${state === 'CREATED' ? '' : await buildLog(squib, 'worker')}`);
  await makeRole(
    squib,
    'worker',
    trusting({ Service: 'lambda.amazonaws.com' }),
    statement({
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: `arn:aws:s3:::${bucket}/work/*`,
    }),
  );
  worker = await start('worker');
});
after(async () => {
  await squib?.remove();
  await elsewhere?.remove();
});

async function start(role?: string): Promise<TestMicrovm> {
  const microvm = await run(squib, image, role === undefined ? {} : { executionRoleArn: arnOf(role) });
  for (let i = 0; i < 600 && (await microvm.send('/')).status !== 200; i++) await sleep(100);
  return microvm;
}

async function call(microvm: TestMicrovm, action: string, ...args: unknown[]) {
  const token = await mint(squib, microvm.id);
  const { hostname } = new URL(`https://${microvm.endpoint}`);
  return new Promise<{ ok?: unknown; refused?: string; failed?: string }>((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port: squib.config.endpoint.port, servername: hostname, ca: squib.ca },
        ...{ method: 'POST', path: '/', agent: false },
        headers: { host: microvm.endpoint, 'x-aws-proxy-auth': token },
      },
      async (answer) => resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString('utf8'))),
    );
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify({ action, args }));
  });
}

test('boto3 in a MicroVM stores and reads objects of squib with nothing but the execution role', async () => {
  assert.deepEqual(await call(worker, 'put', bucket, 'work/one', 'hello'), { ok: 'stored' });
  assert.deepEqual(await call(worker, 'get', bucket, 'work/one'), { ok: 'hello' });
  assert.deepEqual(await call(worker, 'large', bucket, 'work/large', 8), { ok: 8 * 2 ** 20 });
  const { ok } = await call(worker, 'whoami');
  const id = worker.id.replace('microvm-', '');
  assert.equal(ok, `arn:aws:sts::${account}:assumed-role/worker/Lambda-microvmsExecutor-${id}`);
});

test('beyond the policy of its role it is refused, with and without a signature', async () => {
  for (const [action, ...args] of [
    ['get', bucket, 'worker.zip'],
    ['put', bucket, 'elsewhere', 'x'],
    ['log', '/app'],
    ['images'],
  ] as const) {
    const { refused } = await call(worker, action, ...args);
    assert.match(String(refused), /^AccessDenied(Exception)?$/, action);
  }
  for (const path of ['/', `/${bucket}/work/one`, '/2025-09-09/microvm-images', '/_squib/v1/credentials'])
    assert.deepEqual(await call(worker, 'unsigned', path), { ok: 403 }, path);
  for (const path of ['/console', '/console/'])
    assert.notDeepEqual(await call(worker, 'unsigned', path), { ok: 200 }, path);
});

test('what it did is in the audit record under its role, with the MicroVM as the source', async () => {
  await squib.down('SIGTERM');
  const record = readFileSync(join(squib.layout.audit, 'audit.jsonl'), 'utf8');
  const line = record
    .split('\n')
    .find((each) => each.includes('GetCallerIdentity') && each.includes(worker.id));
  assert.ok(line);
  assert.match(line, /"sourceIPAddress":"microvm-/);
  assert.match(line, /assumed-role\/worker/);
  await squib.up();
});

test('without an execution role there are no keys, and a role that squib does not have gives none', async () => {
  const [nobody, unknown] = await Promise.all([start(), start('never-made')]);
  for (const microvm of [nobody, unknown]) {
    const answer = await call(microvm!, 'keys');
    assert.match(String(answer.failed), /404/);
  }
});

test('a role of another STS: its keys are taken there, and a refusal there is no keys here', async () => {
  await makeRole(
    elsewhere,
    'remote',
    trusting({ AWS: `arn:aws:iam::${account}:root` }),
    statement({ Effect: 'Allow', Action: 's3:ListAllMyBuckets', Resource: '*' }),
  );
  const [remote, refused] = await Promise.all([start('remote'), start('refused')]);
  const { ok } = await call(remote!, 'keys');
  const keys = ok as Keys & { Token: string };
  const session = { ...keys, SessionToken: keys.Token };
  const { Arn } = await aws(elsewhere, ['sts', 'get-caller-identity'], session);
  const id = remote!.id.replace('microvm-', '');
  assert.equal(Arn, `arn:aws:sts::${account}:assumed-role/remote/Lambda-microvmsExecutor-${id}`);
  // squib itself knows nothing of them.
  assert.match(String((await call(remote!, 'whoami')).refused), /InvalidClientTokenId/);
  assert.match(String((await call(refused!, 'keys')).failed), /500/);
  assert.match(squib.log, /metadata\.failed.*did not let squib assume/);
  for (const secret of [keys.SecretAccessKey, keys.Token]) assert.ok(!squib.log.includes(secret));
});

test('where the setting is off, the address of the API answers nobody', async () => {
  await squib.down();
  Object.assign(squib.config, { apiInMicrovms: false });
  await squib.up();
  assert.match(
    String((await call(worker, 'unsigned', '/')).failed),
    /Remote|reset|Refused|timed out|URLError/i,
  );
});

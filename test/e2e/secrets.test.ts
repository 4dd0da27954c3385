// A whole life with a secret in every place that takes one: afterwards none is where it does not belong.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMicrovmShellAuthTokenCommand,
  LambdaMicrovmsClient,
  RunMicrovmCommand,
  SuspendMicrovmCommand,
  TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { aws } from '../support/aws-cli.ts';
import { createImage, imageSettled, probeHooks, probeZip, put } from '../support/images.ts';
import { get, mint, run, send, until } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

const account = '000000000000';
const roleArn = `arn:aws:iam::${account}:role/with-keys`;
const secret = (what: string) => `${what}-${randomBytes(15).toString('hex')}`;

/** By what it is. Some are only known once squib has made them. */
const secrets = new Map<string, string>([
  ['environment variable', secret('env')],
  ['payload of the run hook', secret('payload')],
  ['key of a role', secret('role')],
  ['parameter of a stack', secret('parameter')],
]);
const answers: string[] = [];
const processLists = new Set<string>();
let squib: TestSquib;
let watching = true;
let watched: Promise<void>;

/** Command lines and environments of everything that runs on this machine. */
async function watchProcesses(): Promise<void> {
  while (watching) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (Number(pid) === process.pid) continue;
      for (const file of ['cmdline', 'environ'])
        try {
          processLists.add(readFileSync(`/proc/${pid}/${file}`, 'latin1'));
        } catch {
          // it ended while we looked
        }
    }
    await sleep(20);
  }
}

before(async () => {
  const folder = `/tmp/squib-secrets-${process.pid}`;
  squib = await TestSquib.start({
    dataDir: folder,
    roles: { [roleArn]: { credentialsFile: join(folder, 'role.json') } },
  });
  const keys = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: secrets.get('key of a role') };
  writeFileSync(join(folder, 'role.json'), JSON.stringify(keys), { mode: 0o600 });
});
after(async () => {
  watching = false;
  await squib?.remove();
});

test('a life in which every secret is used', { timeout: 900_000 }, async () => {
  const { microvms } = squib.clients;
  const image = await createImage(squib, 'keeper', await put(squib, 'probe.zip', await probeZip()), {
    hooks: probeHooks,
    environmentVariables: { SECRET: secrets.get('environment variable')! },
    clientToken: 'a'.repeat(36),
  });
  watched = watchProcesses();
  const { state, reason } = await imageSettled(squib, image);
  assert.equal(state, 'CREATED', reason);
  const microvm = await run(squib, image, {
    runHookPayload: secrets.get('payload of the run hook'),
    executionRoleArn: roleArn,
    clientToken: 'b'.repeat(36),
  });
  // A failed run tells as little.
  const failed = await microvms
    .send(
      new RunMicrovmCommand({
        imageIdentifier: `${image}-x`,
        runHookPayload: secrets.get('payload of the run hook'),
      }),
    )
    .catch((error) => error);
  answers.push(JSON.stringify(failed), String(failed));

  const token = await mint(squib, microvm.id);
  secrets.set('auth token', token);
  const shell = await run(squib, image, {
    ingressNetworkConnectors: [
      `arn:aws:lambda:${squib.config.region}:aws:network-connector:aws-network-connector:SHELL_INGRESS`,
    ],
  });
  const { authToken } = await microvms.send(
    new CreateMicrovmShellAuthTokenCommand({ microvmIdentifier: shell.id, expirationInMinutes: 5 }),
  );
  secrets.set('shell auth token', Object.values(authToken ?? {})[0] ?? '');
  secrets.set('secret key of root', readRootCredential(squib.layout.keys).secretAccessKey);

  await aws(squib, [
    'iam',
    'create-role',
    '--role-name',
    'r',
    '--assume-role-policy-document',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }],
    }),
  ]);
  const assumed = [
    'sts',
    'assume-role',
    '--role-arn',
    `arn:aws:iam::${account}:role/r`,
    '--role-session-name',
    'life',
  ];
  // The command line itself must not hold a secret, so this test's own calls pass none as an argument.
  const { Credentials } = await aws(squib, assumed);
  secrets.set('secret key of a session', Credentials.SecretAccessKey);
  secrets.set('session token', Credentials.SessionToken);

  const template = JSON.stringify({
    Parameters: { Password: { Type: 'String', NoEcho: true } },
    Resources: { Group: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/secret' } } },
  });
  const parameters = join(squib.config.dataDir, 'parameters.json');
  writeFileSync(
    parameters,
    JSON.stringify([{ ParameterKey: 'Password', ParameterValue: secrets.get('parameter of a stack') }]),
  );
  await aws(squib, [
    'cloudformation',
    'create-stack',
    '--stack-name',
    's',
    '--template-body',
    template,
    '--parameters',
    `file://${parameters}`,
  ]);
  answers.push(JSON.stringify(await aws(squib, ['cloudformation', 'describe-stacks'])));
  writeFileSync(parameters, '');

  assert.equal((await send(squib, microvm.endpoint, '/', { 'x-aws-proxy-auth': token })).status, 200);
  const refused = await send(squib, microvm.endpoint, '/', {
    'x-aws-proxy-auth': `${token.slice(0, -3)}xxx`,
  });
  answers.push(JSON.stringify(refused));
  const stranger = new LambdaMicrovmsClient({
    ...{ endpoint: `http://127.0.0.1:${squib.config.api.port}`, region: squib.config.region, maxAttempts: 1 },
    credentials: {
      accessKeyId: Credentials.AccessKeyId,
      secretAccessKey: secrets.get('secret key of root')!,
    },
  });
  const denied = await stranger
    .send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }))
    .catch((error) => error);
  answers.push(JSON.stringify(denied), String(denied));

  await microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }));
  await until(squib, microvm.id, 'SUSPENDED');
  assert.equal((await send(squib, microvm.endpoint, '/', { 'x-aws-proxy-auth': token })).status, 200);
  await squib.down('SIGKILL');
  await squib.up();
  answers.push(JSON.stringify(await get(squib, microvm.id)));
  await microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvm.id }));
  await until(squib, shell.id, 'RUNNING');
  await squib.down('SIGTERM');
  watching = false;
  await watched;
});

const forms = (text: string) => [
  text,
  Buffer.from(text).toString('base64').replace(/=*$/, ''),
  encodeURIComponent(text),
];
/** Which secrets a text holds. */
const found = (text: string) =>
  [...secrets].filter(([, value]) => forms(value).some((form) => text.includes(form))).map(([name]) => name);

test('the log, the access log, answers and process lists hold none of them', () => {
  for (const [name, value] of secrets) assert.ok(value.length > 20, name);
  assert.deepEqual(found(squib.log), []);
  assert.ok(squib.log.includes('"event":"'));
  assert.deepEqual(found(answers.join('\n')), []);
  const all = [...processLists].join('\n');
  assert.ok(all.includes('qemu-system-x86_64'));
  // The AWS command line itself is told the root's key in its environment, as squib env says.
  const client = (text: string) => text.includes('AWS_SECRET_ACCESS_KEY=');
  assert.deepEqual(found([...processLists].filter((text) => !client(text)).join('\n')), []);
});

test('what is kept on disk holds them sealed, but for memory and disks of MicroVMs', () => {
  const tenants = /^(memory|disk.*\.qcow2|rootfs\.ext4|pages|devices)$/;
  const { dataDir } = squib.config;
  const holders: string[] = [];
  for (const entry of readdirSync(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || tenants.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    for (const name of found(readFileSync(path, 'latin1')))
      holders.push(`${path.slice(dataDir.length + 1)}: ${name}`);
  }
  assert.deepEqual(holders.sort(), ['keys/credentials.json: secret key of root', 'role.json: key of a role']);
  assert.ok(statSync(join(dataDir, 'squib.db')).size > 0);
});

test('the data directory is 0700, keys are 0600, and nothing in it is for others', () => {
  const { dataDir } = squib.config;
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  for (const name of readdirSync(squib.layout.keys)) {
    const { mode } = statSync(join(squib.layout.keys, name));
    assert.equal(mode & 0o777, name === 'ca.pem' ? mode & 0o777 : 0o600, name);
  }
});

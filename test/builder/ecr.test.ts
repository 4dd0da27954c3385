import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ecrRegistry } from '../../src/aws/client/ecr.ts';
import { registryLogins } from '../../src/daemon/registry-logins.ts';
import { createImageBuilder } from '../../src/host/builder/image-builder.ts';
import { createLog } from '../../src/log/log.ts';
import { type EcrStandIn, startEcr } from './lab/ecr.ts';
import { cacheDir } from './lab/lab.ts';
import { makeLayout } from './lab/layout.ts';
import { startRegistry, type TestRegistry } from './lab/registry.ts';
import { writeZip } from './lab/zip.ts';

const region = 'eu-west-1';
const password = 'twelve-hours-4711';
const role = (name: string) => `arn:aws:iam::000000000000:role/${name}`;

test('registries of Amazon ECR are known by their names', () => {
  const endpoint = 'https://api.ecr.eu-west-1.amazonaws.com';
  assert.deepEqual(ecrRegistry('123456789012.dkr.ecr.eu-west-1.amazonaws.com'), { region, endpoint });
  assert.deepEqual(ecrRegistry('123456789012.dkr-ecr.eu-west-1.on.aws'), { region, endpoint });
  assert.equal(
    ecrRegistry('123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn')?.endpoint,
    'https://api.ecr.cn-north-1.amazonaws.com.cn',
  );
  for (const host of [
    'public.ecr.aws',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.org',
    'docker.io',
  ])
    assert.equal(ecrRegistry(host), undefined, host);
});

describe('base images of Amazon ECR, by the keys of the build role', () => {
  const dir = mkdtempSync('/tmp/sq-ecr-');
  const cache = join(dir, 'cache');
  let registry: TestRegistry;
  let ecr: EcrStandIn;
  let count = 0;

  before(async () => {
    mkdirSync(cache);
    symlinkSync(join(cacheDir, 'runtime'), join(cache, 'runtime'));
    await makeLayout(join(dir, 'layout'));
    const login = { username: 'AWS', password };
    registry = await startRegistry({ layout: join(dir, 'layout'), repository: 'app', credentials: login });
    ecr = await startEcr(region, { AKIABUILDER: 'secret-of-the-builder' }, login);
    keysFile('builder', 'AKIABUILDER', 'secret-of-the-builder');
    keysFile('stranger', 'AKIASTRANGER', 'secret-of-a-stranger');
  });
  after(() => {
    registry.close();
    ecr.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function keysFile(name: string, accessKeyId: string, secretAccessKey: string): void {
    writeFileSync(join(dir, name), JSON.stringify({ accessKeyId, secretAccessKey }), { mode: 0o600 });
  }

  async function build(roleArn: string) {
    const workDir = join(dir, `build-${count++}`);
    mkdirSync(workDir);
    await writeZip(`${workDir}.zip`, { Dockerfile: `FROM ${registry.host}/app:one\n` });
    const roles = Object.fromEntries(
      ['builder', 'stranger'].map((name) => [role(name), { credentialsFile: join(dir, name) }]),
    );
    const none = { username: '', passwordFile: '' };
    const registries = { [registry.host]: { ...none, ecrEndpoint: ecr.endpoint, ecrRegion: region } };
    const login = registryLogins({ registries, roles, region: 'us-east-1' });
    const log: string[] = [];
    const builder = createImageBuilder({
      ...{ cacheDir: cache, mirrors: {}, registries, login },
      log: createLog((line) => log.push(line)),
    });
    const outcome = await builder
      .build({
        ...{ id: 'x', zipPath: `${workDir}.zip`, workDir, diskBytes: 2 ** 28, roleArn },
        signal: new AbortController().signal,
        onLog: (line) => log.push(line),
      })
      .then(
        (image) => image.container.env.VERSION,
        (error: Error) => error.message,
      );
    return { outcome, text: log.join('\n') };
  }

  test('a role whose keys may, may; password and keys appear nowhere', async () => {
    const { outcome, text } = await build(role('builder'));
    assert.equal(outcome, '1', text);
    assert.deepEqual(ecr.callers, ['AKIABUILDER']);
    assert.doesNotMatch(text, /twelve-hours|secret-of/);
  });

  test('another role does not get what is there by now', async () => {
    const { outcome, text } = await build(role('stranger'));
    assert.equal(outcome, 'The container image build failed.');
    assert.match(text, /gives no password: unknown keys/);
    assert.match(text, /ecr:GetAuthorizationToken/);
  });

  test('a role without keys is told where to put them', async () => {
    const { outcome, text } = await build(role('nobody'));
    assert.equal(outcome, 'The container image build failed.');
    assert.match(text, /nothing is known of the keys of .*nobody/);
    assert.match(text, /setting 'roles'/);
  });

  test('fetches once, and again when the tag stands for another image', async () => {
    const blobs = () => registry.requests.filter((line) => line.includes('/blobs/')).length;
    const before = blobs();
    assert.equal((await build(role('builder'))).outcome, '1');
    assert.equal(blobs(), before);
    registry.retag('one', 'two');
    assert.equal((await build(role('builder'))).outcome, '2');
    assert.ok(blobs() > before);
  });
});

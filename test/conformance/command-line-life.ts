// The AWS CLI through the life of an image, a MicroVM and a network connector: real processes, output parsed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { imageSettled, probeHooks } from '../support/images.ts';
import { until } from '../support/microvms.ts';
import { baseImageArn, connector, imageArn, roleArn, type World } from './world.ts';

const run = promisify(execFile);

/** Calls the AWS CLI. @returns its output as JSON, or undefined when it prints nothing */
export function commandLine({ clients }: World, env: Record<string, string>) {
  // biome-ignore lint/suspicious/noExplicitAny: what the CLI prints is looked at member by member
  return async (...args: string[]): Promise<any> => {
    const { stdout } = await run(clients.aws, [...args, '--output', 'json'], { env });
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  };
}

export async function commandLineLife(t: TestContext, world: World): Promise<void> {
  const aws = commandLine(world, world.env);
  const vms = (command: string, ...args: string[]) => aws('lambda-microvms', command, ...args);
  const core = (command: string, ...args: string[]) => aws('lambda-core', command, ...args);
  const arn = imageArn('life-cli');
  const image = ['--image-identifier', arn];
  const settings = [
    ...['--base-image-arn', baseImageArn, '--build-role-arn', roleArn('build')],
    ...['--code-artifact', 'uri=s3://cli-artifacts/life.zip', '--resources', 'minimumMemoryInMiB=512'],
  ];
  /** Polls until `done` accepts what `read` gives. */
  const wait = async <Value>(read: () => Promise<Value>, done: (value: Value) => boolean): Promise<Value> => {
    for (;;) {
      const value = await read();
      if (done(value)) return value;
      await sleep(200);
    }
  };
  // Waiting is no test: the SDK asks in a hundredth of the time.
  const settled = async () => (await imageSettled(world.squib, arn)).state;
  const curl = async (url: string, ...args: string[]) =>
    (await run('curl', ['-sS', url, ...args], { env: world.env })).stdout;

  await t.test('AWS CLI: an artifact is uploaded with s3 mb and s3 cp', async () => {
    await run(world.clients.aws, ['s3', 'mb', 's3://cli-artifacts'], { env: world.env });
    await run(world.clients.aws, ['s3', 'cp', world.artifactFile, 's3://cli-artifacts/life.zip'], {
      env: world.env,
    });
    const { stdout } = await run(world.clients.aws, ['s3', 'ls', 's3://cli-artifacts/'], { env: world.env });
    assert.match(stdout, / life\.zip\n/);
  });

  await t.test('AWS CLI: create-microvm-image', async () => {
    const made = await vms(
      ...(['create-microvm-image', '--name', 'life-cli', ...settings] as const),
      ...['--hooks', JSON.stringify(probeHooks), '--tags', 'team=red,stage=test'],
      ...['--environment-variables', 'GREETING=hello'],
    );
    assert.deepEqual([made.imageArn, made.state, made.imageVersion], [arn, 'CREATING', '1.0']);
    assert.deepEqual(made.tags, { team: 'red', stage: 'test' });
    // Version 1 of the CLI shows times as they came: seconds with a fraction.
    assert.ok(Math.abs(made.createdAt - Date.now() / 1000) < 60);
  });

  await t.test('AWS CLI: network connectors', async () => {
    const made = await core(
      ...(['create-network-connector', '--name', 'cli-net', '--operator-role', roleArn('net')] as const),
      '--configuration',
      'VpcEgressConfiguration={SubnetIds=[subnet-1],NetworkProtocol=DualStack,AssociatedComputeResourceTypes=[MicroVm]}',
    );
    assert.equal(made.State, 'PENDING');
    const identifier = ['--identifier', 'cli-net'];
    const active = await wait(
      () => core('get-network-connector', ...identifier),
      ({ State }) => State === 'ACTIVE',
    );
    assert.match(active.LastModified, /^\d{4}-\d\d-\d\dT/);
    const updated = await core(
      ...(['update-network-connector', ...identifier, '--operator-role', roleArn('other')] as const),
    );
    assert.deepEqual([updated.LastUpdateStatus, updated.OperatorRole], ['Successful', roleArn('other')]);
    const { NetworkConnectors } = await core(
      ...(['list-network-connectors', '--state', 'ACTIVE', '--page-size', '1'] as const),
    );
    const mine = NetworkConnectors.filter(({ Name }: { Name: string }) => Name === 'cli-net');
    assert.deepEqual(
      mine.map(({ Id, Type }: Record<string, string>) => [Id, Type]),
      [[made.Id, 'VPC_EGRESS']],
    );
    assert.equal((await core('delete-network-connector', ...identifier)).State, 'DELETING');
  });

  await t.test('AWS CLI: list-managed-microvm-images and -versions, tags', async () => {
    const { items } = await vms('list-managed-microvm-images', '--page-size', '1');
    assert.deepEqual(
      items.map((item: { imageArn: string }) => item.imageArn),
      [baseImageArn],
    );
    const versions = await vms(
      ...(['list-managed-microvm-image-versions', '--image-identifier', baseImageArn] as const),
      ...['--max-items', '1'],
    );
    assert.deepEqual(
      [versions.items.map((item: { imageVersion: string }) => item.imageVersion), typeof versions.NextToken],
      [['1'], 'string'],
    );
    await vms('tag-resource', '--resource', arn, '--tags', 'team=blue');
    await vms('untag-resource', '--resource', arn, '--tag-keys', 'stage', 'nothing');
    assert.deepEqual(await vms('list-tags', '--resource', arn), { Tags: { team: 'blue' } });
  });

  await t.test('AWS CLI: the version and its build', async () => {
    assert.equal(await settled(), 'CREATED');
    const version = [...image, '--image-version', '1.0'];
    const { items } = await vms('list-microvm-image-builds', ...version, '--architecture', 'ARM_64');
    const build = await vms(
      ...(['get-microvm-image-build', ...version, '--build-id', items[0].buildId] as const),
    );
    assert.equal(build.buildState, 'SUCCESSFUL');
    assert.ok(build.snapshotBuild.memorySnapshotSizeInBytes > 0);
    assert.equal((await vms('get-microvm-image-version', ...version)).status, 'ACTIVE');
    assert.equal((await vms('list-microvm-image-versions', ...image)).items.length, 1);
    const images = await vms('list-microvm-images', '--name-filter', 'life-cl', '--page-size', '1');
    assert.deepEqual(
      images.items.map(({ name }: { name: string }) => name),
      ['life-cli'],
    );
  });

  await t.test('AWS CLI: a MicroVM runs, answers curl, sleeps, wakes and ends', async () => {
    const started = await vms(
      ...(['run-microvm', ...image, '--image-version', '1.0', '--run-hook-payload', 'from the CLI'] as const),
      '--idle-policy',
      'maxIdleDurationSeconds=600,suspendedDurationSeconds=600,autoResumeEnabled=true',
      ...['--ingress-network-connectors', connector('ALL_INGRESS')],
    );
    assert.equal(started.state, 'PENDING');
    const microvm = ['--microvm-identifier', started.microvmId];
    const reaches = async (wanted: string) => {
      await until(world.squib, started.microvmId, wanted);
      const { state, stateReason } = await vms('get-microvm', ...microvm);
      assert.equal(state, wanted);
      return stateReason;
    };
    await reaches('RUNNING');
    const { authToken } = await vms(
      ...(['create-microvm-auth-token', ...microvm, '--expiration-in-minutes', '5'] as const),
      ...['--allowed-ports', 'port=8080'],
    );
    const header = `X-aws-proxy-auth: ${authToken['X-aws-proxy-auth']}`;
    assert.equal(await curl(`https://${started.endpoint}/`, '-H', header), '{"count": 1}');
    await assert.rejects(
      vms('create-microvm-shell-auth-token', ...microvm, '--expiration-in-minutes', '5'),
      /\(ValidationException\).*: Shell access requires SHELL_INGRESS network connector to be configured/,
    );
    await vms('suspend-microvm', ...microvm);
    await reaches('SUSPENDED');
    await vms('resume-microvm', ...microvm);
    await reaches('RUNNING');
    const state = JSON.parse(await curl(`https://${started.endpoint}/state`, '-H', header));
    assert.deepEqual([state.count, state.payload], [1, 'from the CLI']);
    await vms('terminate-microvm', ...microvm);
    assert.equal(await reaches('TERMINATED'), 'Success.');
    const { items } = await vms('list-microvms', ...image, '--image-version', '1.0', '--page-size', '1');
    assert.deepEqual(
      items.map((item: { microvmId: string }) => item.microvmId),
      [started.microvmId],
    );
  });

  await t.test('AWS CLI: update to 2.0, deactivate and delete versions, delete the image', async () => {
    const updated = await vms('update-microvm-image', ...image, ...settings, '--description', 'second');
    assert.deepEqual([updated.state, updated.imageVersion], ['UPDATING', '2.0']);
    assert.equal(await settled(), 'UPDATED');
    const first = [...image, '--image-version', '1.0'];
    const inactive = await vms('update-microvm-image-version', ...first, '--status', 'INACTIVE');
    assert.equal(inactive.status, 'INACTIVE');
    assert.equal((await vms('delete-microvm-image-version', ...first)).state, 'DELETING');
    assert.equal(await settled(), 'UPDATED');
    assert.equal((await vms('get-microvm-image', ...image)).latestActiveImageVersion, '2.0');
    assert.equal((await vms('delete-microvm-image', ...image)).state, 'DELETING');
    const missing = () =>
      vms('get-microvm-image', ...image).then(
        () => undefined,
        ({ stderr, code }) => ({ stderr, code }),
      );
    const { stderr, code } = (await wait(missing, (error) => error !== undefined))!;
    assert.equal(code, 255);
    const text = `MicroVMImage not found for MicroVMImageID: ${arn}`;
    assert.ok(
      stderr.includes(`(ResourceNotFoundException) when calling the GetMicrovmImage operation: ${text}`),
    );
  });
}

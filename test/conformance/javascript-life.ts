// The AWS SDK for JavaScript through the whole life of an image and of a MicroVM.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as aws from '@aws-sdk/client-lambda-microvms';
import { probeHooks, probeZip, put } from '../support/images.ts';
import { send, until } from '../support/microvms.ts';
import { accountId, baseImageArn, connector, imageArn, region, roleArn, type World } from './world.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

async function all<Item>(pages: AsyncIterable<{ items: Item[] | undefined }>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages) items.push(...(page.items ?? []));
  return items;
}

/** Members that came back with a value. */
const present = (output: object) =>
  Object.entries(output)
    .filter(([name, value]) => name !== '$metadata' && value !== undefined && value !== null)
    .map(([name]) => name)
    .sort();

export async function javascriptLife(t: TestContext, { squib }: World): Promise<void> {
  const client = squib.clients.microvms;
  t.after(() => client.destroy());
  const imageIdentifier = imageArn('life-js');
  const image = { imageIdentifier };
  const settings = {
    baseImageArn,
    buildRoleArn: roleArn('build'),
    codeArtifact: { uri: await put(squib, 'life-js.zip', await probeZip()) },
    resources: [{ minimumMemoryInMiB: 512 }],
    hooks: probeHooks,
    description: 'the life of an image',
  };
  const settled = async () => {
    for (;;) {
      const { state } = await client.send(new aws.GetMicrovmImageCommand(image));
      if (state !== 'CREATING' && state !== 'UPDATING') return state;
      await sleep(250);
    }
  };
  const rejects = (call: Promise<unknown>, name: string, message: string | RegExp) =>
    assert.rejects(call, { name, message });

  await t.test('SDK for JavaScript: managed base images and their versions, newest first', async () => {
    const images = await all(aws.paginateListManagedMicrovmImages({ client, pageSize: 1 }, {}));
    assert.deepEqual(
      images.map((item) => item.imageArn),
      [baseImageArn],
    );
    assert.ok(images[0]?.createdAt instanceof Date);
    const input = { imageIdentifier: baseImageArn };
    const versions = await all(aws.paginateListManagedMicrovmImageVersions({ client, pageSize: 1 }, input));
    assert.deepEqual(
      versions.map((item) => item.imageVersion),
      ['1', '0'],
    );
  });

  await t.test('SDK for JavaScript: CreateMicrovmImage echoes what it filled in', async () => {
    const input = {
      ...{ ...settings, name: 'life-js', environmentVariables: { GREETING: 'hello' } },
      ...{ tags: { team: 'red' }, clientToken: 'js-create' },
    };
    const made = await client.send(new aws.CreateMicrovmImageCommand(input));
    assert.equal(made.$metadata.httpStatusCode, 201);
    assert.match(made.$metadata.requestId ?? '', uuid);
    const { $metadata, createdAt, updatedAt, ...rest } = made;
    assert.ok(Math.abs(createdAt!.getTime() - Date.now()) < 10_000);
    assert.deepEqual(
      Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== null)),
      {
        ...settings,
        ...{ imageArn: imageIdentifier, name: 'life-js', state: 'CREATING', imageVersion: '1.0' },
        baseImageVersion: '1.0',
        egressNetworkConnectors: [connector('INTERNET_EGRESS')],
        ...{ environmentVariables: { GREETING: 'hello' }, tags: { team: 'red' } },
      },
    );
    const again = await client.send(new aws.CreateMicrovmImageCommand(input));
    assert.deepEqual(again.createdAt, createdAt);
    await rejects(
      client.send(new aws.CreateMicrovmImageCommand({ ...input, description: 'other' })),
      'ConflictException',
      /js-create/,
    );
    await rejects(
      client.send(new aws.CreateMicrovmImageCommand({ ...settings, name: 'life-js' })),
      'ValidationException',
      "A MicroVM image with the name 'life-js' already exists in this account",
    );
    await rejects(
      client.send(new aws.DeleteMicrovmImageCommand(image)),
      'ValidationException',
      `Cannot delete MicroVM image in its current state: ${imageIdentifier}`,
    );
    await rejects(
      client.send(new aws.RunMicrovmCommand(image)),
      'ResourceNotFoundException',
      `No active version found for MicroVM image ${imageIdentifier}`,
    );
  });

  await t.test('SDK for JavaScript: the first version is built and described', async () => {
    assert.equal(await settled(), 'CREATED');
    const summary = await client.send(new aws.GetMicrovmImageCommand(image));
    assert.equal(summary.latestActiveImageVersion, '1.0');
    assert.deepEqual(present(summary), [
      ...['createdAt', 'imageArn', 'latestActiveImageVersion', 'name', 'state', 'tags', 'updatedAt'],
    ]);
    const version = await client.send(
      new aws.GetMicrovmImageVersionCommand({ ...image, imageVersion: '1.0' }),
    );
    assert.deepEqual([version.state, version.status], ['SUCCESSFUL', 'ACTIVE']);
    assert.deepEqual(version.hooks, probeHooks);
    const filter = { ...image, imageVersion: '1.0', architecture: 'ARM_64', chipset: 'GRAVITON' } as const;
    const builds = await all(aws.paginateListMicrovmImageBuilds({ client }, filter));
    assert.equal(builds.length, 1);
    const { buildId = '', buildState } = builds[0]!;
    assert.match(buildId, uuid);
    assert.equal(buildState, 'SUCCESSFUL');
    const build = await client.send(
      new aws.GetMicrovmImageBuildCommand({ ...image, imageVersion: '1.0', buildId }),
    );
    const sizes = build.snapshotBuild!;
    assert.deepEqual(present(sizes), [
      ...['codeInstallSizeInBytes', 'diskSnapshotSizeInBytes', 'memorySnapshotSizeInBytes'],
    ]);
    for (const size of Object.values(sizes)) assert.ok(size > 0);
    const other = { ...filter, chipsetGeneration: '3' };
    assert.deepEqual(await all(aws.paginateListMicrovmImageBuilds({ client }, other)), []);
  });

  await t.test('SDK for JavaScript: lists of images are paged and filtered after paging', async () => {
    const images = await all(aws.paginateListMicrovmImages({ client, pageSize: 1 }, { nameFilter: 'fe-j' }));
    assert.deepEqual(
      images.map(({ name }) => name),
      ['life-js'],
    );
    const versions = await all(aws.paginateListMicrovmImageVersions({ client, pageSize: 1 }, { ...image }));
    assert.deepEqual(
      versions.map(({ imageVersion }) => imageVersion),
      ['1.0'],
    );
  });

  await t.test('SDK for JavaScript: tags are added, replaced, listed and removed', async () => {
    const Resource = imageIdentifier;
    const tag = await client.send(
      new aws.TagResourceCommand({ Resource, Tags: { team: 'blue', 'a b': 'ö/+=' } }),
    );
    assert.equal(tag.$metadata.httpStatusCode, 204);
    const { Tags } = await client.send(new aws.ListTagsCommand({ Resource }));
    assert.deepEqual(Tags, { team: 'blue', 'a b': 'ö/+=' });
    const untag = await client.send(new aws.UntagResourceCommand({ Resource, TagKeys: ['a b', 'nothing'] }));
    assert.equal(untag.$metadata.httpStatusCode, 204);
    const { tags } = await client.send(new aws.GetMicrovmImageCommand(image));
    assert.deepEqual(tags, { team: 'blue' });
  });

  await t.test('SDK for JavaScript: a MicroVM runs, answers, sleeps, wakes and ends', async () => {
    const started = await client.send(
      new aws.RunMicrovmCommand({
        ...{ ...image, runHookPayload: '{"tenant":"js"}', maximumDurationInSeconds: 3600 },
        idlePolicy: {
          maxIdleDurationSeconds: 600,
          suspendedDurationSeconds: 600,
          autoResumeEnabled: false,
        },
        ingressNetworkConnectors: [connector('HTTP_INGRESS'), connector('SHELL_INGRESS')],
        executionRoleArn: roleArn('execution'),
      }),
    );
    assert.deepEqual([started.$metadata.httpStatusCode, started.state], [200, 'PENDING']);
    assert.deepEqual(started.egressNetworkConnectors, [connector('INTERNET_EGRESS')]);
    assert.equal(started.executionRoleArn, roleArn('execution'));
    assert.ok(started.startedAt instanceof Date);
    const { microvmId = '', endpoint = '' } = started;
    assert.match(microvmId.slice(8), uuid);
    assert.ok(!endpoint.includes(microvmId.slice(8)), 'the endpoint has a UUID of its own');
    assert.match(endpoint, new RegExp(`^[0-9a-f-]{36}\\.lambda-microvm\\.${region}\\.localhost:\\d+$`));
    const microvm = { microvmIdentifier: microvmId };
    const running = await until(squib, microvmId, 'RUNNING');
    assert.equal(running.imageVersion, '1.0');
    assert.equal(running.maximumDurationInSeconds, 3600);

    const items = await all(
      aws.paginateListMicrovms({ client, pageSize: 1 }, { ...image, imageVersion: '1.0' }),
    );
    assert.deepEqual(items.map(present), [['imageArn', 'imageVersion', 'microvmId', 'startedAt', 'state']]);

    const minted = await client.send(
      new aws.CreateMicrovmAuthTokenCommand({
        ...{ ...microvm, expirationInMinutes: 5 },
        allowedPorts: [{ port: 8080 }, { range: { startPort: 9000, endPort: 9001 } }],
      }),
    );
    assert.deepEqual(Object.keys(minted.authToken ?? {}), ['X-aws-proxy-auth']);
    const auth = { 'x-aws-proxy-auth': minted.authToken?.['X-aws-proxy-auth'] ?? '' };
    assert.equal((await send(squib, endpoint, '/', auth)).body, '{"count": 1}');
    const shell = { ...microvm, expirationInMinutes: 5 };
    const shellToken = await client.send(new aws.CreateMicrovmShellAuthTokenCommand(shell));
    assert.deepEqual(Object.keys(shellToken.authToken ?? {}), ['X-aws-proxy-auth']);

    for (let i = 0; i < 2; i++) {
      await client.send(new aws.SuspendMicrovmCommand(microvm));
      await until(squib, microvmId, 'SUSPENDED');
    }
    assert.deepEqual(await send(squib, endpoint, '/', auth).then(({ status, body }) => [status, body]), [
      502,
      '',
    ]);
    await rejects(
      client.send(new aws.DeleteMicrovmImageCommand(image)),
      'ValidationException',
      'Cannot delete microvm image with running microvms.',
    );
    for (let i = 0; i < 2; i++) {
      const resumed = await client.send(new aws.ResumeMicrovmCommand(microvm));
      assert.deepEqual(present(resumed), []);
      await until(squib, microvmId, 'RUNNING');
    }
    assert.equal((await send(squib, endpoint, '/', auth)).body, '{"count": 2}');
    await client.send(new aws.TerminateMicrovmCommand(microvm));
    const ended = await until(squib, microvmId, 'TERMINATED');
    assert.equal(ended.stateReason, 'Success.');
    assert.ok(ended.terminatedAt instanceof Date);
    await client.send(new aws.TerminateMicrovmCommand(microvm));
    for (const command of [new aws.SuspendMicrovmCommand(microvm), new aws.ResumeMicrovmCommand(microvm)]) {
      await rejects(
        client.send(command as aws.SuspendMicrovmCommand),
        'ValidationException',
        `The MicroVM ${microvmId} has been terminated and its state cannot be changed.`,
      );
    }
  });

  await t.test('SDK for JavaScript: an update makes version 2.0 and replaces every setting', async () => {
    const { description, ...update } = settings;
    const updated = await client.send(
      new aws.UpdateMicrovmImageCommand({
        ...{ ...image, ...update, baseImageVersion: '0', environmentVariables: { GREETING: 'again' } },
      }),
    );
    assert.deepEqual(
      [updated.state, updated.imageVersion, updated.latestActiveImageVersion, updated.baseImageVersion],
      ['UPDATING', '2.0', '1.0', '0.0'],
    );
    assert.ok(!present(updated).includes('description'), description);
    assert.ok(!present(updated).includes('tags'));
    const busy = 'MicroVM Image is already in state: UPDATING';
    const v1 = { ...image, imageVersion: '1.0' };
    await rejects(
      client.send(new aws.UpdateMicrovmImageCommand({ ...image, ...update })),
      'ConflictException',
      busy,
    );
    await rejects(
      client.send(new aws.UpdateMicrovmImageVersionCommand({ ...v1, status: 'INACTIVE' })),
      'ConflictException',
      busy,
    );
    await rejects(client.send(new aws.DeleteMicrovmImageVersionCommand(v1)), 'ConflictException', busy);
    assert.equal(await settled(), 'UPDATED');
    const summary = await client.send(new aws.GetMicrovmImageCommand(image));
    assert.equal(summary.latestActiveImageVersion, '2.0');
    const { items } = await client.send(new aws.ListMicrovmImageVersionsCommand(image));
    assert.deepEqual(
      items?.map(({ imageVersion, status }) => [imageVersion, status]),
      [
        ['2.0', 'ACTIVE'],
        ['1.0', 'ACTIVE'],
      ],
    );
  });

  await t.test('SDK for JavaScript: versions are deactivated, pinned and deleted', async () => {
    const v2 = { ...image, imageVersion: '2.0' };
    const inactive = await client.send(
      new aws.UpdateMicrovmImageVersionCommand({ ...v2, status: 'INACTIVE' }),
    );
    assert.deepEqual(
      [inactive.state, inactive.status, inactive.environmentVariables?.GREETING],
      ['SUCCESSFUL', 'INACTIVE', 'again'],
    );
    const { latestActiveImageVersion } = await client.send(new aws.GetMicrovmImageCommand(image));
    assert.equal(latestActiveImageVersion, '1.0');
    await rejects(
      client.send(new aws.RunMicrovmCommand(v2)),
      'ResourceNotFoundException',
      `No active version found for MicroVM image ${imageIdentifier} and version 2.0`,
    );
    const gone = await client.send(new aws.DeleteMicrovmImageVersionCommand(v2));
    assert.deepEqual(
      [gone.imageIdentifier, gone.imageVersion, gone.state],
      [imageIdentifier, '2.0', 'DELETING'],
    );
    assert.equal(await settled(), 'UPDATED');
    await rejects(
      client.send(new aws.GetMicrovmImageVersionCommand(v2)),
      'ResourceNotFoundException',
      `MicroVMImage not found for MicroVMImage: ${imageIdentifier}, Version: 2.0`,
    );
    await rejects(
      client.send(new aws.DeleteMicrovmImageVersionCommand({ ...image, imageVersion: '1.0' })),
      'ValidationException',
      'This is the last version. Please delete the entire image',
    );
  });

  await t.test('SDK for JavaScript: the image is deleted and its name is free again', async () => {
    const gone = await client.send(new aws.DeleteMicrovmImageCommand(image));
    assert.deepEqual([gone.imageIdentifier, gone.state], [imageIdentifier, 'DELETING']);
    const missing = `MicroVMImage not found for MicroVMImageID: ${imageIdentifier}`;
    await assert.rejects(
      async () => {
        for (;;) {
          const { state } = await client.send(new aws.GetMicrovmImageCommand(image));
          assert.equal(state, 'DELETING');
          await sleep(50);
        }
      },
      { name: 'ResourceNotFoundException', message: missing },
    );
    await rejects(
      client.send(new aws.DeleteMicrovmImageCommand(image)),
      'ResourceNotFoundException',
      missing,
    );
    await rejects(
      client.send(new aws.ListTagsCommand({ Resource: imageIdentifier })),
      'ResourceNotFoundException',
      missing,
    );
    assert.equal(accountId, imageIdentifier.split(':')[4]);
  });
}

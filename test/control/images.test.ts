import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  allHooks,
  baseArn,
  caller,
  imageArn,
  imageRequest,
  managedConnector,
  openLab,
  refusal,
} from './lab/lab.ts';

describe('CreateMicrovmImage', () => {
  test('answers CREATING with defaults, then builds to CREATED with an ACTIVE version', async (t) => {
    const lab = openLab(t);
    const made = await lab.api.CreateMicrovmImage(imageRequest('demo', { tags: { team: 'a' } }), caller);
    assert.equal(made.state, 'CREATING');
    assert.equal(made.imageArn, imageArn('demo'));
    assert.equal(made.imageVersion, '1.0');
    assert.equal(made.latestActiveImageVersion, undefined);
    assert.deepEqual(made.resources, [{ minimumMemoryInMiB: 2048 }]);
    assert.deepEqual(made.egressNetworkConnectors, [managedConnector('INTERNET_EGRESS')]);
    assert.equal(made.baseImageVersion, '1.0');
    assert.deepEqual(made.tags, { team: 'a' });
    assert.deepEqual(made.updatedAt, made.createdAt);
    await lab.settle();

    const image = await lab.api.GetMicrovmImage({ imageIdentifier: made.imageArn }, caller);
    assert.equal(image.state, 'CREATED');
    assert.equal(image.latestActiveImageVersion, '1.0');
    assert.deepEqual({ ...image.tags }, { team: 'a' });
    const named = { imageIdentifier: made.imageArn, imageVersion: '1.0' };
    const version = await lab.api.GetMicrovmImageVersion(named, caller);
    assert.equal(`${version.state}/${version.status}`, 'SUCCESSFUL/ACTIVE');
    assert.deepEqual(version.codeArtifact, { uri: 's3://bucket/app.zip' });

    const { items } = await lab.api.ListMicrovmImageBuilds({ ...named, imageVersion: '1' }, caller);
    assert.equal(items.length, 1);
    const [summary] = items;
    assert.equal(summary?.buildState, 'SUCCESSFUL');
    assert.equal(summary?.chipsetGeneration, '4');
    const build = await lab.api.GetMicrovmImageBuild({ ...named, buildId: summary!.buildId }, caller);
    assert.deepEqual(build.snapshotBuild, {
      memorySnapshotSizeInBytes: 8192,
      codeInstallSizeInBytes: 4096,
      diskSnapshotSizeInBytes: 12288,
    });
    const other = { ...named, chipsetGeneration: '3' };
    assert.deepEqual((await lab.api.ListMicrovmImageBuilds(other, caller)).items, []);
  });

  test('hands the host a complete order', async (t) => {
    const lab = openLab(t);
    await lab.image('demo', {
      ...allHooks,
      resources: [{ minimumMemoryInMiB: 512 }],
      environmentVariables: { A: 'b' },
      additionalOsCapabilities: ['ALL'],
      logging: { cloudWatch: { logGroup: '/mine' } },
    });
    const { microvmId, ...order } = lab.host.calls[0]!.order as unknown as Record<string, unknown>;
    assert.match(String(microvmId), /^microvm-[0-9a-f-]{36}$/);
    assert.deepEqual(order, {
      imageArn: imageArn('demo'),
      imageName: 'demo',
      imageVersion: '1.0',
      codeArtifactUri: 's3://bucket/app.zip',
      buildRoleArn: 'arn:aws:iam::111111111111:role/build',
      region: 'eu-west-1',
      minimumMemoryInMiB: 512,
      environmentVariables: { A: 'b' },
      allCapabilities: true,
      hooks: {
        port: 9000,
        ready: { timeoutSeconds: 60 },
        run: { timeoutSeconds: 5 },
        resume: { timeoutSeconds: 1 },
        suspend: { timeoutSeconds: 1 },
      },
      logging: { kind: 'cloudWatch', logGroup: '/mine' },
      egress: { internet: true, vpcs: [] },
    });
  });

  const microvmHooks = { run: 'ENABLED' } as const;
  const cases: [string, Parameters<typeof imageRequest>[1], string | RegExp][] = [
    [
      'base that is no managed image',
      { baseImageArn: imageArn('x') },
      `No managed MicroVM Image with arn ${imageArn('x')} is available`,
    ],
    [
      'unknown base version',
      { baseImageVersion: '7' },
      `No managed MicroVM Image with arn ${baseArn} and version 7 is available`,
    ],
    [
      'echoed base version',
      { baseImageVersion: '1.0' },
      `No managed MicroVM Image with arn ${baseArn} and version 1.0 is available`,
    ],
    [
      'artifact not in S3',
      { codeArtifact: { uri: 'https://x/y.zip' } },
      'CodeArtifact URI must be a valid S3 URI in the format: s3://<bucket>/<key>',
    ],
    [
      'artifact without key',
      { codeArtifact: { uri: 's3://bucket' } },
      'CodeArtifact URI must be a valid S3 URI in the format: s3://<bucket>/<key>',
    ],
    [
      'unsupported memory',
      { resources: [{ minimumMemoryInMiB: 768 }] },
      `The requested memory size of 768 MiB is not supported by base MicroVM image ${baseArn}. Supported memory sizes in MiB are: [512, 1024, 2048, 4096, 8192].`,
    ],
    [
      'runtime hook without ready',
      { hooks: { port: 1, microvmHooks } },
      /^The ready \(\/ready\) MicroVM image hook must be enabled when any MicroVM lifecycle hook \(run, resume, suspend, or terminate\) is enabled\./,
    ],
    ['hook without port', { hooks: { microvmImageHooks: { ready: 'ENABLED' } } }, /port must be specified/],
    ['port without hook', { hooks: { port: 9000 } }, /port cannot be specified/],
    ['reserved variable', { environmentVariables: { AWS_REGION: 'x' } }, /'AWS_REGION' is reserved/],
    ['injected variable', { environmentVariables: { AWS_LAMBDA_MICROVM_IMAGE_ARN: 'x' } }, /is reserved/],
    [
      'unknown connector',
      { egressNetworkConnectors: [managedConnector('NO_EGRESS')] },
      `Unrecognized managed network connector ARN: ${managedConnector('NO_EGRESS')}`,
    ],
    ['reserved tag', { tags: { 'aws:x': '1' } }, /reserved/],
    [
      'too many tags',
      { tags: Object.fromEntries([...Array(51).keys()].map((n) => [`k${n}`, ''])) },
      /more than 50/,
    ],
  ];
  for (const [what, more, message] of cases) {
    test(`refuses ${what} and makes nothing`, async (t) => {
      const lab = openLab(t);
      await assert.rejects(
        lab.api.CreateMicrovmImage(imageRequest('demo', more), caller),
        refusal('Validation', message),
      );
      assert.deepEqual((await lab.api.ListMicrovmImages({}, caller)).items, []);
    });
  }

  test('accepts empty hooks, and "0" as base version', async (t) => {
    const lab = openLab(t);
    const hooks = { microvmHooks: {}, microvmImageHooks: { readyTimeoutInSeconds: 5 } };
    const made = await lab.api.CreateMicrovmImage(
      imageRequest('a', { hooks, baseImageVersion: '0' }),
      caller,
    );
    assert.equal(made.baseImageVersion, '0.0');
  });

  test('a name is taken until the image is gone', async (t) => {
    const lab = openLab(t);
    const taken = refusal(
      'Validation',
      "A MicroVM image with the name 'demo' already exists in this account",
    );
    const arn = await lab.image();
    await assert.rejects(lab.image(), taken);
    await lab.api.DeleteMicrovmImage({ imageIdentifier: arn }, caller);
    await assert.rejects(lab.image(), taken);
    await lab.settle();
    await lab.image();
  });

  test('quotas: images, versions, builds', async (t) => {
    const lab = openLab(t, { images: 2, versionsPerImage: 2, concurrentBuilds: 2 });
    await lab.api.CreateMicrovmImage(imageRequest('a'), caller);
    await lab.api.CreateMicrovmImage(imageRequest('b'), caller);
    await assert.rejects(
      lab.api.CreateMicrovmImage(imageRequest('c'), caller),
      refusal('QuotaExceeded', /images/),
    );
    await lab.settle();
    const update = { ...imageRequest('a'), imageIdentifier: imageArn('a') };
    await lab.api.UpdateMicrovmImage(update, caller);
    await lab.settle();
    await assert.rejects(lab.api.UpdateMicrovmImage(update, caller), refusal('QuotaExceeded', /versions/));
    assert.equal(
      (await lab.api.GetMicrovmImage({ imageIdentifier: imageArn('a') }, caller)).state,
      'UPDATED',
    );
    const small = openLab(t, { concurrentBuilds: 1 });
    await small.api.CreateMicrovmImage(imageRequest('a'), caller);
    await assert.rejects(
      small.api.CreateMicrovmImage(imageRequest('b'), caller),
      refusal('QuotaExceeded', /maximum number of concurrent builds/),
    );
  });
});

describe('a build that fails', () => {
  test('leaves its sentence on build and version, and the image CREATE_FAILED', async (t) => {
    const lab = openLab(t);
    lab.host.course = () => ({ before: 5, after: 5, fault: 'failed' });
    const imageIdentifier = await lab.image();
    const image = await lab.api.GetMicrovmImage({ imageIdentifier }, caller);
    assert.equal(image.state, 'CREATE_FAILED');
    assert.equal(image.latestFailedImageVersion, '1.0');
    const named = { imageIdentifier, imageVersion: '1.0' };
    const version = await lab.api.GetMicrovmImageVersion(named, caller);
    assert.equal(`${version.state}/${version.status}`, 'FAILED/INACTIVE');
    const { items } = await lab.api.ListMicrovmImageBuilds(named, caller);
    assert.equal(items[0]?.stateReason, 'The container image build failed.');
    const build = await lab.api.GetMicrovmImageBuild({ ...named, buildId: items[0]!.buildId }, caller);
    assert.equal(build.snapshotBuild?.codeInstallSizeInBytes, 4096);
    await assert.rejects(
      lab.api.UpdateMicrovmImageVersion({ ...named, status: 'ACTIVE' }, caller),
      refusal('Validation', /cannot be activated/),
    );
    await lab.api.UpdateMicrovmImageVersion({ ...named, status: 'INACTIVE' }, caller);
  });

  test('of an update leaves the old version serving', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    lab.host.course = (method) => ({ before: 1, after: 1, ...(method === 'build' && { fault: 'error' }) });
    const update = { ...imageRequest('demo'), imageIdentifier };
    const updating = await lab.api.UpdateMicrovmImage(update, caller);
    assert.equal(updating.imageVersion, '2.0');
    assert.equal(updating.latestActiveImageVersion, '1.0');
    await lab.settle();
    const image = await lab.api.GetMicrovmImage({ imageIdentifier }, caller);
    assert.deepEqual(
      [image.state, image.latestActiveImageVersion, image.latestFailedImageVersion],
      ['UPDATE_FAILED', '1.0', '2.0'],
    );
    const run = await lab.api.RunMicrovm({ imageIdentifier }, caller);
    assert.equal(run.imageVersion, '1.0');
    lab.host.course = () => ({ before: 1, after: 1 });
    assert.equal((await lab.api.UpdateMicrovmImage(update, caller)).imageVersion, '3.0');
  });
});

test('an update replaces everything and mints the next version', async (t) => {
  const lab = openLab(t);
  const imageIdentifier = await lab.image('demo', { ...allHooks, description: 'first' });
  const updating = await lab.api.UpdateMicrovmImage({ ...imageRequest('demo'), imageIdentifier }, caller);
  assert.equal(updating.state, 'UPDATING');
  assert.equal('tags' in updating, false);
  const busy = refusal('Conflict', 'MicroVM Image is already in state: UPDATING');
  await assert.rejects(
    lab.api.UpdateMicrovmImage({ ...imageRequest('demo'), imageIdentifier }, caller),
    busy,
  );
  const first = { imageIdentifier, imageVersion: '1.0' };
  await assert.rejects(lab.api.UpdateMicrovmImageVersion({ ...first, status: 'INACTIVE' }, caller), busy);
  await assert.rejects(lab.api.DeleteMicrovmImageVersion(first, caller), busy);
  await assert.rejects(
    lab.api.DeleteMicrovmImage({ imageIdentifier }, caller),
    refusal('Validation', `Cannot delete MicroVM image in its current state: ${imageIdentifier}`),
  );
  // C8: what is ACTIVE still runs.
  assert.equal((await lab.api.RunMicrovm({ imageIdentifier }, caller)).imageVersion, '1.0');
  await lab.settle();
  const second = await lab.api.GetMicrovmImageVersion({ imageIdentifier, imageVersion: '2.0' }, caller);
  assert.equal(second.hooks, undefined);
  assert.equal(second.description, undefined);
  assert.equal((await lab.api.RunMicrovm({ imageIdentifier }, caller)).imageVersion, '2.0');
  const versions = await lab.api.ListMicrovmImageVersions({ imageIdentifier }, caller);
  assert.deepEqual(
    versions.items.map(({ imageVersion }) => imageVersion),
    ['2.0', '1.0'],
  );
});

test('a version may be taken out of service and put back', async (t) => {
  const lab = openLab(t);
  const imageIdentifier = await lab.image();
  const version = { imageIdentifier, imageVersion: '1.0' };
  const inactive = await lab.api.UpdateMicrovmImageVersion({ ...version, status: 'INACTIVE' }, caller);
  assert.equal(`${inactive.state}/${inactive.status}`, 'SUCCESSFUL/INACTIVE');
  const none = `No active version found for MicroVM image ${imageIdentifier}`;
  await assert.rejects(lab.api.RunMicrovm({ imageIdentifier }, caller), refusal('NotFound', none));
  await assert.rejects(lab.api.RunMicrovm(version, caller), refusal('NotFound', `${none} and version 1.0`));
  await lab.api.UpdateMicrovmImageVersion({ ...version, status: 'ACTIVE' }, caller);
  await lab.api.UpdateMicrovmImageVersion({ ...version, status: 'ACTIVE' }, caller);
  await lab.api.RunMicrovm(version, caller);
});

describe('deleting', () => {
  test('a version: the image is UPDATING meanwhile, and its number is never used again', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    const update = { ...imageRequest('demo'), imageIdentifier };
    const second = { imageIdentifier, imageVersion: '2.0' };
    await lab.api.UpdateMicrovmImage(update, caller);
    await lab.settle();
    const answer = await lab.api.DeleteMicrovmImageVersion(second, caller);
    assert.deepEqual(answer, { ...second, state: 'DELETING' });
    const state = async () => (await lab.api.GetMicrovmImage({ imageIdentifier }, caller)).state;
    assert.equal(await state(), 'UPDATING');
    await lab.settle();
    assert.equal(await state(), 'UPDATED');
    assert.deepEqual([...lab.world.versions], ['demo/1.0']);
    await assert.rejects(
      lab.api.GetMicrovmImageVersion(second, caller),
      refusal('NotFound', `MicroVMImage not found for MicroVMImage: ${imageIdentifier}, Version: 2.0`),
    );
    await assert.rejects(
      lab.api.DeleteMicrovmImageVersion({ ...second, imageVersion: '1.0' }, caller),
      refusal('Validation', 'This is the last version. Please delete the entire image'),
    );
    assert.equal((await lab.api.UpdateMicrovmImage(update, caller)).imageVersion, '3.0');
  });

  test('a version that a MicroVM needs is refused', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    await lab.microvm();
    await lab.api.UpdateMicrovmImage({ ...imageRequest('demo'), imageIdentifier }, caller);
    await lab.settle();
    await assert.rejects(
      lab.api.DeleteMicrovmImageVersion({ imageIdentifier, imageVersion: '1.0' }, caller),
      refusal('Validation', /running microvms/),
    );
  });

  test('an image: refused while MicroVMs live, repeated while it drains, gone afterwards', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image('demo', { tags: { a: 'b' } });
    const microvmIdentifier = await lab.microvm();
    const inUse = refusal('Validation', 'Cannot delete microvm image with running microvms.');
    await assert.rejects(lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), inUse);
    await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
    await lab.settle();
    await assert.rejects(lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), inUse);
    await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
    await assert.rejects(lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), inUse);
    await lab.settle();
    const answer = { imageIdentifier, state: 'DELETING' };
    assert.deepEqual(await lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), answer);
    assert.deepEqual(await lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), answer);
    assert.equal((await lab.api.GetMicrovmImage({ imageIdentifier }, caller)).state, 'DELETING');
    await assert.rejects(
      lab.api.RunMicrovm({ imageIdentifier }, caller),
      refusal('NotFound', /No active version/),
    );
    await lab.settle();
    const gone = refusal('NotFound', `MicroVMImage not found for MicroVMImageID: ${imageIdentifier}`);
    await assert.rejects(lab.api.GetMicrovmImage({ imageIdentifier }, caller), gone);
    await assert.rejects(lab.api.DeleteMicrovmImage({ imageIdentifier }, caller), gone);
    await assert.rejects(lab.api.ListTags({ Resource: imageIdentifier }, caller), gone);
    assert.equal(lab.world.versions.size, 0);
    assert.equal(await lab.state(microvmIdentifier), 'TERMINATED');
  });

  test('that fails says so and may be asked for again', async (t) => {
    const lab = openLab(t);
    const imageIdentifier = await lab.image();
    lab.host.course = () => ({ before: 1, after: 1, fault: 'error' });
    await lab.api.DeleteMicrovmImage({ imageIdentifier }, caller);
    await lab.clock.advance(10_000);
    assert.equal((await lab.api.GetMicrovmImage({ imageIdentifier }, caller)).state, 'DELETE_FAILED');
    await assert.rejects(lab.api.RunMicrovm({ imageIdentifier }, caller), refusal('NotFound', /No active/));
    lab.host.course = () => ({ before: 1, after: 1 });
    await lab.api.DeleteMicrovmImage({ imageIdentifier }, caller);
    await lab.settle();
    await assert.rejects(
      lab.api.GetMicrovmImage({ imageIdentifier }, caller),
      refusal('NotFound', /not found/),
    );
  });
});

test('a bare name is no ARN, a slash makes it somebody else’s, another account’s image is not there', async (t) => {
  const lab = openLab(t);
  const imageIdentifier = await lab.image();
  await assert.rejects(
    lab.api.GetMicrovmImage({ imageIdentifier: 'demo' }, caller),
    refusal('Validation', 'Invalid ARN format: demo'),
  );
  const slashed = 'arn:aws:lambda:eu-west-1:111111111111:microvm-image/demo';
  await assert.rejects(
    lab.api.GetMicrovmImage({ imageIdentifier: slashed }, caller),
    refusal('AccessDenied', /demo/),
  );
  const stranger = { ...caller, accountId: '222222222222' };
  await assert.rejects(
    lab.api.GetMicrovmImage({ imageIdentifier }, stranger),
    refusal('NotFound', /not found/),
  );
  assert.deepEqual((await lab.api.ListMicrovmImages({}, stranger)).items, []);
});

test('builds run a few at a time, in the order of the requests', async (t) => {
  const lab = openLab(t, { buildsAtOnce: 2 });
  for (const name of ['a', 'b', 'c', 'd']) await lab.api.CreateMicrovmImage(imageRequest(name), caller);
  const names = () => lab.host.calls.map(({ order }) => (order as { imageName: string }).imageName).join('');
  await lab.clock.advance(0);
  assert.equal(names(), 'ab');
  await lab.clock.advance(25);
  assert.equal(names(), 'abcd');
});

test('managed base images', async (t) => {
  const lab = openLab(t);
  const { items } = await lab.api.ListManagedMicrovmImages({}, caller);
  assert.deepEqual(
    items.map(({ imageArn }) => imageArn),
    [baseArn],
  );
  const versions = await lab.api.ListManagedMicrovmImageVersions(
    { imageIdentifier: baseArn, maxResults: 1 },
    caller,
  );
  assert.deepEqual(
    versions.items.map(({ imageVersion }) => imageVersion),
    ['1'],
  );
  const { nextToken } = versions;
  const rest = await lab.api.ListManagedMicrovmImageVersions(
    { imageIdentifier: baseArn, nextToken: nextToken! },
    caller,
  );
  assert.deepEqual(
    rest.items.map(({ imageVersion }) => imageVersion),
    ['0'],
  );
  assert.equal(rest.nextToken, undefined);
  await assert.rejects(
    lab.api.ListManagedMicrovmImageVersions({ imageIdentifier: 'al2023-1' }, caller),
    refusal('Validation', 'Invalid ARN format: al2023-1'),
  );
});

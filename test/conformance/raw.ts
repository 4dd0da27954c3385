// What SDKs hide, asked of the running squib: nulls, absent members, headers, encodings.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { raw } from '../aws/harness.ts';
import { rawSigned, type ToSign } from '../aws/sign.ts';
import type { FullHouse } from './full-house.ts';
import { accountId, connector, imageArn, roleArn, rootOf, type World } from './world.ts';

export async function rawHttp(t: TestContext, world: World, house: FullHouse): Promise<void> {
  const { port } = world.squib.config.api;
  const credential = rootOf(world.squib);
  const ask = async (toSign: ToSign) => {
    const answer = await rawSigned({ port }, { credential, ...toSign });
    const json = answer.headers['content-type'] === 'application/json' && answer.body !== '';
    return { ...answer, json: json ? JSON.parse(answer.body) : undefined };
  };
  const { image } = world;
  const images = '/2025-09-09/microvm-images';
  const [id = ''] = house.microvmIds;

  await t.test('raw HTTP: GetMicrovm has every member, null when it has no value', async () => {
    const { status, headers, json } = await ask({ path: `/2025-09-09/microvms/${id}` });
    assert.equal(status, 200);
    assert.match(String(headers['x-amzn-requestid']), /^[0-9a-f-]{36}$/);
    const { endpoint, startedAt, ...rest } = json;
    assert.equal(typeof endpoint, 'string');
    assert.ok(Math.abs(startedAt - Date.now() / 1000) < 600, 'epoch seconds');
    assert.deepEqual(rest, {
      ...{ microvmId: id, state: 'RUNNING', imageArn: image, imageVersion: '1.0' },
      ...{ executionRoleArn: null, idlePolicy: null, maximumDurationInSeconds: 28_800 },
      ...{ terminatedAt: null, stateReason: null },
      ingressNetworkConnectors: [connector('HTTP_INGRESS')],
      egressNetworkConnectors: [connector('INTERNET_EGRESS')],
    });
  });

  await t.test('raw HTTP: an image by raw and by percent-encoded ARN, tags as an empty map', async () => {
    for (const arn of [image, encodeURIComponent(image), image.replaceAll(':', '%3a')]) {
      const { json } = await ask({ path: `${images}/${arn}` });
      const { createdAt, updatedAt, ...rest } = json;
      assert.ok(updatedAt >= createdAt);
      assert.deepEqual(rest, {
        ...{ imageArn: image, name: 'probe', state: 'CREATED', tags: {} },
        ...{ latestActiveImageVersion: '1.0', latestFailedImageVersion: null },
      });
    }
  });

  await t.test('raw HTTP: a version shows null tags, a list ends with a null token', async () => {
    const path = `${images}/${encodeURIComponent(image)}/versions`;
    const { json } = await ask({ path: `${path}/1.0` });
    assert.deepEqual([json.tags, json.stateReason, json.logging, json.status], [null, null, null, 'ACTIVE']);
    const list = await ask({ path, query: { maxResults: '50' } });
    assert.equal(list.json.nextToken, null);
    const builds = await ask({ path: `${path}/1.0/builds` });
    assert.deepEqual(Object.keys(builds.json.items[0]).sort(), [
      ...['architecture', 'buildId', 'buildState', 'chipset', 'chipsetGeneration', 'createdAt'],
      ...['imageArn', 'imageVersion', 'stateReason'],
    ]);
  });

  await t.test('raw HTTP: lambda-core leaves absent members out and writes ISO times', async () => {
    const first = await ask({ path: '/2026-04-04/network-connectors' });
    assert.equal(first.status, 200);
    assert.ok(!('NextMarker' in first.json));
    for (const item of first.json.NetworkConnectors) {
      assert.match(item.LastModified, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    }
    const made = await ask({
      ...{ method: 'POST', path: '/2026-04-04/network-connectors' },
      body: JSON.stringify({
        ...{ Name: 'raw', OperatorRole: roleArn('net'), Unknown: 1 },
        Configuration: { VpcEgressConfiguration: { SubnetIds: ['subnet-1'] } },
      }),
    });
    assert.deepEqual(
      [made.status, made.json],
      [400, { Type: 'User', message: 'ClientToken is a required field' }],
    );
    assert.equal(made.headers['x-amzn-errortype'], 'InvalidParameterValueException');
  });

  await t.test('raw HTTP: statuses and bodies of actions and tags', async () => {
    const tags = `/2017-03-31/tags/${encodeURIComponent(image)}`;
    const tag = await ask({ method: 'POST', path: tags, body: '{"Tags":{"raw":"1"}}' });
    assert.deepEqual([tag.status, tag.body], [204, '']);
    const listed = await ask({ path: tags });
    assert.deepEqual([listed.status, listed.json], [200, { Tags: { raw: '1' } }]);
    const untag = await ask({ method: 'DELETE', path: tags, query: { tagKeys: ['raw', 'other'] } });
    assert.deepEqual([untag.status, untag.body], [204, '']);
    const ended = await ask({ method: 'DELETE', path: `/2025-09-09/microvms/${house.terminatedId}` });
    assert.deepEqual([ended.status, ended.body], [200, '{}']);
  });

  await t.test('raw HTTP: errors carry their type in a header and null members in the body', async () => {
    const unknown = imageArn('nothing');
    const missing = await ask({ path: `${images}/${encodeURIComponent(unknown)}` });
    assert.equal(missing.status, 404);
    assert.equal(missing.headers['x-amzn-errortype'], 'ResourceNotFoundException');
    assert.deepEqual(missing.json, {
      message: `MicroVMImage not found for MicroVMImageID: ${unknown}`,
      ...{ resourceId: null, resourceType: null },
    });
    const full = await ask({
      ...{ method: 'POST', path: '/2025-09-09/microvms' },
      body: JSON.stringify({ imageIdentifier: image, somethingNew: { a: 1 } }),
    });
    assert.equal(full.status, 402);
    const nulls = { resourceId: null, resourceType: null, serviceCode: null, quotaCode: null };
    const message = 'The base maximum allocated memory limit has been reached for this account.';
    assert.deepEqual(full.json, { message, ...nulls });
    const core = await ask({ path: '/2026-04-04/network-connectors/none' });
    const arn = `arn:aws:lambda:${imageArn('x').split(':')[3]}:${accountId}:network-connector:none`;
    assert.deepEqual(core.json, { Type: 'User', Message: `Network connector not found for: ${arn}` });
  });

  await t.test('raw HTTP: malformed requests are refused as AWS refuses them', async () => {
    const post = (body: string) => ask({ method: 'POST', path: '/2025-09-09/microvms', body });
    const broken = await post('{"imageIdentifier":');
    assert.deepEqual([broken.status, broken.body], [400, '{"message":null}']);
    const union = await ask({
      ...{ method: 'POST', path: `/2025-09-09/microvms/${id}/auth-token` },
      body: '{"expirationInMinutes":5,"allowedPorts":[{"allPorts":true}]}',
    });
    assert.deepEqual([union.status, union.body], [400, '{"Message":"Expected null"}']);
    const slash = await ask({ path: `${images}/${imageArn('x').replace(/:x$/, '%2Fx')}` });
    assert.equal(slash.status, 403);
    assert.match(slash.json.message, /on resource: arn:[^ ]*microvm-image\/x because/);
    const split = await ask({ path: `${images}/${imageArn('x').replace(/:x$/, '/x')}` });
    assert.deepEqual([split.status, split.headers['content-type']], [404, 'text/html']);
    const unsigned = await raw({ port }, { path: '/2025-09-09/microvms' });
    assert.equal(unsigned.status, 403);
    assert.equal(unsigned.headers['x-amzn-errortype'], 'MissingAuthenticationTokenException');
    const stale = await ask({ path: '/2025-09-09/microvms', date: new Date(Date.now() - 16 * 60_000) });
    assert.equal(stale.status, 403);
    assert.equal(stale.headers['x-amzn-errortype'], 'InvalidSignatureException');
  });
}

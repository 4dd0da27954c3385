import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { storedFacts } from '../../src/authorization/facts.ts';
import type { Caller } from '../../src/aws/caller.ts';
import { openStore } from '../../src/store/store.ts';

const caller: Caller = {
  ...{ accountId: '000000000000', accessKeyId: 'AKIA', arn: 'arn:aws:iam::000000000000:user/ann' },
  ...{ userId: 'AIDA', region: 'us-east-1', requestId: 'r' },
};
const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:demo';
const connector = (id: string) => `arn:aws:lambda:us-east-1:000000000000:network-connector:${id}`;
const internet = 'arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:INTERNET_EGRESS';
const owner = { account: '000000000000', region: 'us-east-1' };

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'facts-'));
  const store = openStore(join(folder, 'squib.db'));
  t.after(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  return { store, facts: storedFacts(store) };
}

test('egress is that of the version which will run', (t) => {
  const { store, facts } = setUp(t);
  assert.deepEqual(facts.egressOf(image, undefined, 'us-east-1'), [internet], 'no image');
  const times = { createdAt: 1, updatedAt: 1 };
  store.images.insert({
    id: 'i',
    arn: image,
    ...owner,
    name: 'demo',
    state: 'CREATED',
    lastNumber: 2,
    ...times,
  });
  for (const number of [1, 2]) {
    store.versions.insert({
      ...{ imageId: 'i', number, state: 'SUCCESSFUL', status: number === 1 ? 'ACTIVE' : 'INACTIVE' },
      ...{ stateReason: null, memoryMiB: 512, ...times },
      settings: JSON.stringify({ egressNetworkConnectors: [connector(`nc-${number}`)] }),
    });
  }
  assert.deepEqual(facts.egressOf(image, undefined, 'us-east-1'), [connector('nc-1')]);
  assert.deepEqual(facts.egressOf(image, '2.0', 'us-east-1'), [connector('nc-2')]);
  assert.deepEqual(facts.egressOf(image, '3.0', 'us-east-1'), [internet]);
});

test('a connector is found as the rules find it: an id first, then a name', (t) => {
  const { store, facts } = setUp(t);
  const add = (id: string, name: string) =>
    store.connectors.insert({
      ...{ id, arn: connector(id), ...owner, name, version: 1, configuration: '{}', operatorRole: 'r' },
      ...{ state: 'ACTIVE', stateReason: null, lastUpdateStatus: null, lastUpdateStatusReason: null },
      lastModified: 1,
    });
  add('nc-1', 'first');
  add('nc-2', 'nc-1');
  assert.equal(facts.connectorArn('first', caller), connector('nc-1'));
  assert.equal(facts.connectorArn('nc-1', caller), connector('nc-1'));
  assert.equal(facts.connectorArn(connector('nc-2'), caller), connector('nc-2'));
  assert.equal(facts.connectorArn('nobody', caller), connector('nobody'));
  assert.equal(facts.connectorArn('first', { ...caller, region: 'eu-west-1' }).includes('eu-west-1'), true);
});

test('tags and images of MicroVMs that are not there', (t) => {
  const { store, facts } = setUp(t);
  store.tags.put(image, { team: 'blue' });
  assert.deepEqual(facts.tagsOf(image), { team: 'blue' });
  assert.deepEqual(facts.tagsOf('arn:x'), {});
  assert.equal(facts.imageOfMicrovm('microvm-1'), undefined);
});

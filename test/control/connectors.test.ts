import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CreateNetworkConnectorRequest } from '../../src/aws/models/lambda-core.ts';
import { caller, imageArn, imageRequest, type Lab, openLab, refusal } from './lab/lab.ts';

const configuration = (subnet = 'subnet-1') => ({
  VpcEgressConfiguration: {
    SubnetIds: [subnet],
    SecurityGroupIds: ['sg-1'],
    NetworkProtocol: 'IPv4' as const,
    AssociatedComputeResourceTypes: ['MicroVm' as const],
  },
});

const request = (
  Name: string,
  more: Partial<CreateNetworkConnectorRequest> = {},
): CreateNetworkConnectorRequest => ({
  Name,
  Configuration: configuration(),
  OperatorRole: 'arn:aws:iam::111111111111:role/operator',
  ClientToken: `token-${Name}`,
  ...more,
});

async function connector(lab: Lab, name = 'vpc') {
  const made = await lab.api.CreateNetworkConnector(request(name), caller);
  await lab.settle();
  return made;
}

describe('CreateNetworkConnector', () => {
  test('answers PENDING with the base members and becomes ACTIVE', async (t) => {
    const lab = openLab(t);
    const made = await lab.api.CreateNetworkConnector(request('vpc', { Tags: { a: 'b' } }), caller);
    assert.match(made.Id, /^nc-[0-9a-f-]{36}$/);
    assert.deepEqual(made, {
      Arn: `arn:aws:lambda:eu-west-1:111111111111:network-connector:${made.Id}`,
      Name: 'vpc',
      Id: made.Id,
      Configuration: configuration(),
      OperatorRole: 'arn:aws:iam::111111111111:role/operator',
      State: 'PENDING',
    });
    await assert.rejects(
      lab.api.DeleteNetworkConnector({ Identifier: 'vpc' }, caller),
      refusal('Conflict', /PENDING/),
    );
    await lab.settle();
    for (const Identifier of [made.Id, made.Arn, 'vpc']) {
      const { State, StateReason, Version } = await lab.api.GetNetworkConnector({ Identifier }, caller);
      assert.deepEqual([State, StateReason, Version], ['ACTIVE', 'Initial creation', 1]);
    }
    const { Tags } = await lab.api.ListTags({ Resource: made.Arn }, caller);
    assert.deepEqual(Tags, { a: 'b' });
    assert.deepEqual(
      await lab.api.CreateNetworkConnector(request('vpc', { Tags: { a: 'b' } }), caller),
      made,
    );
  });

  test('refuses what is missing or taken', async (t) => {
    const lab = openLab(t, { networkConnectors: 1 });
    const create = (more: object) => lab.api.CreateNetworkConnector(request('vpc', more), caller);
    const part = (more: object) => ({
      Configuration: { VpcEgressConfiguration: { ...configuration().VpcEgressConfiguration, ...more } },
    });
    await assert.rejects(
      create({ ClientToken: undefined }),
      refusal('Validation', 'ClientToken is a required field'),
    );
    await assert.rejects(
      create({ OperatorRole: undefined }),
      refusal('Validation', 'NetworkConnectorOperatorRole is required for VPC_EGRESS connector type'),
    );
    await assert.rejects(
      create(part({ NetworkProtocol: undefined })),
      refusal('Validation', /cannot be null or empty/),
    );
    await assert.rejects(
      create(part({ AssociatedComputeResourceTypes: undefined })),
      refusal('Validation', /AssociatedComputeResourceTypes/),
    );
    await connector(lab);
    await assert.rejects(create({ ClientToken: 'other' }), refusal('Conflict', /already exists/));
    await assert.rejects(
      lab.api.CreateNetworkConnector(request('b'), caller),
      refusal('QuotaExceeded', /connectors/),
    );
  });
});

test('an update keeps the state and says what changed', async (t) => {
  const lab = openLab(t);
  const { Id } = await connector(lab);
  const update = (ClientToken: string | undefined, subnet: string) =>
    lab.api.UpdateNetworkConnector(
      { Identifier: Id, Configuration: configuration(subnet), ...(ClientToken && { ClientToken }) },
      caller,
    );
  const same = await update('u1', 'subnet-1');
  assert.equal(same.LastUpdateStatus, 'Successful');
  assert.equal(same.LastUpdateStatusReason, 'No configuration changes detected');
  assert.equal(same.State, 'ACTIVE');
  await update('u2', 'subnet-2');
  assert.equal((await lab.api.GetNetworkConnector({ Identifier: Id }, caller)).Version, 2);
  await assert.rejects(
    update(undefined, 'subnet-2'),
    refusal('Validation', 'ClientToken is a required field'),
  );
  await lab.api.DeleteNetworkConnector({ Identifier: Id }, caller);
  await assert.rejects(update('u3', 'subnet-3'), refusal('Conflict', /DELETING/));
});

test('a delete answers DELETING, again while it drains, and then 404; a crash in between finishes it', async (t) => {
  const lab = openLab(t);
  const { Id, Arn } = await connector(lab);
  const pending = await lab.api.CreateNetworkConnector(request('second'), caller);
  assert.equal((await lab.api.DeleteNetworkConnector({ Identifier: Id }, caller)).State, 'DELETING');
  assert.equal((await lab.api.DeleteNetworkConnector({ Identifier: Id }, caller)).State, 'DELETING');
  await lab.crash();
  await lab.settle();
  const missing = refusal('NotFound', `Network connector not found for: ${Arn}`);
  await assert.rejects(lab.api.GetNetworkConnector({ Identifier: Id }, caller), missing);
  await assert.rejects(lab.api.DeleteNetworkConnector({ Identifier: Arn }, caller), missing);
  assert.equal((await lab.api.GetNetworkConnector({ Identifier: pending.Id }, caller)).State, 'ACTIVE');
});

test('lists carry the type, in pages, filtered after paging', async (t) => {
  const lab = openLab(t);
  const names = ['a', 'b', 'c'];
  for (const name of names) await connector(lab, name);
  const first = await lab.api.ListNetworkConnectors({ MaxItems: 2 }, caller);
  assert.deepEqual(
    first.NetworkConnectors.map(({ Name, Type, State }) => `${Name} ${Type} ${State}`),
    ['c VPC_EGRESS ACTIVE', 'b VPC_EGRESS ACTIVE'],
  );
  const last = await lab.api.ListNetworkConnectors({ MaxItems: 2, Marker: first.NextMarker! }, caller);
  assert.deepEqual([last.NetworkConnectors.length, last.NextMarker], [1, undefined]);
  const none = await lab.api.ListNetworkConnectors({ MaxItems: 2, State: 'FAILED' }, caller);
  assert.deepEqual(none.NetworkConnectors, []);
  assert.ok(none.NextMarker);
});

test('a custom connector can be used by images and MicroVMs, when it is ACTIVE, for egress', async (t) => {
  const lab = openLab(t);
  const { Arn } = await lab.api.CreateNetworkConnector(request('vpc'), caller);
  const create = () =>
    lab.api.CreateMicrovmImage(imageRequest('demo', { egressNetworkConnectors: [Arn] }), caller);
  await assert.rejects(create(), refusal('Validation', /not ACTIVE but PENDING/));
  await lab.settle();
  await create();
  await lab.settle();
  const run = { imageIdentifier: imageArn('demo') };
  assert.deepEqual((await lab.api.RunMicrovm(run, caller)).egressNetworkConnectors, [Arn]);
  await assert.rejects(
    lab.api.RunMicrovm({ ...run, ingressNetworkConnectors: [Arn] }, caller),
    refusal('Validation', /ingress traffic/),
  );
});

test('tags of an image: add, replace, remove, limits, and no new version', async (t) => {
  const lab = openLab(t);
  const Resource = await lab.image('demo', { tags: { a: '1' } });
  await lab.api.TagResource({ Resource, Tags: { a: '2', b: '3' } }, caller);
  await lab.api.UntagResource({ Resource, TagKeys: ['b', 'none'] }, caller);
  assert.deepEqual((await lab.api.ListTags({ Resource }, caller)).Tags, { a: '2' });
  const many = Object.fromEntries([...Array(50).keys()].map((n) => [`k${n}`, '']));
  await assert.rejects(
    lab.api.TagResource({ Resource, Tags: many }, caller),
    refusal('Validation', /more than 50/),
  );
  await assert.rejects(
    lab.api.TagResource({ Resource, Tags: { 'AWS:x': '' } }, caller),
    refusal('Validation', /reserved/),
  );
  const image = await lab.api.GetMicrovmImage({ imageIdentifier: Resource }, caller);
  assert.deepEqual([image.state, image.tags], ['CREATED', { a: '2' }]);
  const gone = imageArn('none');
  await assert.rejects(
    lab.api.TagResource({ Resource: gone, Tags: {} }, caller),
    refusal('NotFound', `MicroVMImage not found for MicroVMImageID: ${gone}`),
  );
  const fn = 'arn:aws:lambda:eu-west-1:111111111111:function:f';
  await assert.rejects(
    lab.api.ListTags({ Resource: fn }, caller),
    refusal('NotFound', `Resource not found: ${fn}`),
  );
});

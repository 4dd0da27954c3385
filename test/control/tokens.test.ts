import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpecification } from '../../src/aws/models/lambda-microvms.ts';
import { caller, managedConnector, openLab, refusal } from './lab/lab.ts';

test('an app token says MicroVM, ports and expiry', async (t) => {
  const lab = openLab(t);
  const microvmIdentifier = await lab.microvm();
  const mint = (allowedPorts: PortSpecification[]) =>
    lab.api.CreateMicrovmAuthToken({ microvmIdentifier, expirationInMinutes: 60, allowedPorts }, caller);
  assert.deepEqual(await mint([{ port: 8080 }, { range: { startPort: 1, endPort: 9 } }]), {
    authToken: { 'X-aws-proxy-auth': 'token-1' },
  });
  assert.deepEqual(lab.grants[0], {
    microvmId: microvmIdentifier,
    kind: 'app',
    ports: [
      { startPort: 8080, endPort: 8080 },
      { startPort: 1, endPort: 9 },
    ],
    expiresAt: lab.clock.now() + 3_600_000,
  });
  await mint([{ port: 1 }, { allPorts: {} }]);
  assert.equal(lab.grants[1]?.ports, 'all');
  const bad: unknown[] = [
    { port: 0 },
    { port: 1, allPorts: {} },
    {},
    { range: { startPort: 9, endPort: 1 } },
  ];
  for (const specification of bad) {
    await assert.rejects(mint([specification as PortSpecification]), refusal('Validation', /allowedPorts/));
  }
});

test('a token lives an hour at most', async (t) => {
  const lab = openLab(t);
  const request = { microvmIdentifier: await lab.microvm(), expirationInMinutes: 61 };
  const tooLong = refusal('Validation', 'ExpirationMinutes 61 exceeded max allowed of 60.');
  const allowedPorts = [{ port: 80 }];
  await assert.rejects(lab.api.CreateMicrovmAuthToken({ ...request, allowedPorts }, caller), tooLong);
  await assert.rejects(lab.api.CreateMicrovmShellAuthToken(request, caller), tooLong);
});

test('tokens are made in every state but the last', async (t) => {
  const lab = openLab(t);
  const imageIdentifier = await lab.image();
  const { microvmId: microvmIdentifier } = await lab.api.RunMicrovm({ imageIdentifier }, caller);
  const request = { microvmIdentifier, expirationInMinutes: 1, allowedPorts: [{ port: 80 }] };
  await lab.api.CreateMicrovmAuthToken(request, caller);
  await lab.settle();
  await lab.api.SuspendMicrovm({ microvmIdentifier }, caller);
  await lab.api.CreateMicrovmAuthToken(request, caller);
  await lab.settle();
  await lab.api.CreateMicrovmAuthToken(request, caller);
  assert.equal(await lab.state(microvmIdentifier), 'SUSPENDED');
  await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
  await lab.settle();
  await assert.rejects(
    lab.api.CreateMicrovmAuthToken(request, caller),
    refusal(
      'Validation',
      `The MicroVM ${microvmIdentifier} has been terminated and its state cannot be changed.`,
    ),
  );
  await assert.rejects(
    lab.api.CreateMicrovmAuthToken({ ...request, microvmIdentifier: 'microvm-x' }, caller),
    refusal('NotFound', 'MicroVM not found: microvm-x'),
  );
});

test('a shell token needs SHELL_INGRESS, and nothing beside it but HTTP_INGRESS', async (t) => {
  const lab = openLab(t);
  const mint = async (...names: string[]) => {
    const microvmIdentifier = await lab.microvm({ ingressNetworkConnectors: names.map(managedConnector) });
    return lab.api.CreateMicrovmShellAuthToken({ microvmIdentifier, expirationInMinutes: 5 }, caller);
  };
  const missing = refusal(
    'Validation',
    'Shell access requires SHELL_INGRESS network connector to be configured on the MicroVM.',
  );
  await assert.rejects(mint(), missing);
  await assert.rejects(mint('ALL_INGRESS'), missing);
  await assert.rejects(
    mint('SHELL_INGRESS', 'ALL_INGRESS'),
    refusal(
      'Validation',
      'ALL_INGRESS cannot be combined with other ingress network connectors; use HTTP_INGRESS and/or SHELL_INGRESS instead',
    ),
  );
  await mint('SHELL_INGRESS');
  await mint('HTTP_INGRESS', 'SHELL_INGRESS');
  assert.deepEqual(
    lab.grants.map(({ kind, ports }) => ({ kind, ports })),
    [
      { kind: 'shell', ports: [] },
      { kind: 'shell', ports: [] },
    ],
  );
});

test('a browser link is a token for one port, under the rules of tokens', async (t) => {
  const lab = openLab(t);
  const microvmIdentifier = await lab.microvm();
  const { endpoint } = await lab.api.GetMicrovm({ microvmIdentifier }, caller);
  const request = { microvmIdentifier, port: 3000, path: '/lab', expirationInMinutes: 5 };
  assert.deepEqual(lab.control.browserGrant(request, caller), {
    grant: {
      microvmId: microvmIdentifier,
      kind: 'browser',
      ports: [{ startPort: 3000, endPort: 3000 }],
      expiresAt: lab.clock.now() + 300_000,
    },
    endpoint,
    path: '/lab',
  });
  const { grant, path } = lab.control.browserGrant({ microvmIdentifier }, caller);
  assert.deepEqual([grant.ports, path], [[{ startPort: 8080, endPort: 8080 }], '/']);
  assert.equal(grant.expiresAt, lab.clock.now() + 3_600_000);
  const refused = (more: object) => () => lab.control.browserGrant({ microvmIdentifier, ...more }, caller);
  assert.throws(refused({ expirationInMinutes: 61 }), refusal('Validation', /exceeded max allowed/));
  assert.throws(refused({ port: 0 }), refusal('Validation', /0 is not a port/));
  await lab.api.TerminateMicrovm({ microvmIdentifier }, caller);
  await lab.settle();
  assert.throws(refused({}), refusal('Validation', /has been terminated/));
});

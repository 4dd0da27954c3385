import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from '../../src/config/ipv4.ts';
import { parseMessage } from '../../src/host/names/message.ts';
import { domainRulesFor, mayBeAsked, noEgress } from '../../src/host/network/egress.ts';
import { egressPolicy } from '../../src/host/network/egress-order.ts';

const own = [parseNetwork('203.0.113.0/24')!];
const order = (subnetIds: string[]) => ({
  internet: false,
  vpcs: [{ subnetIds, securityGroupIds: ['sg-1'] }],
});
const settings = {
  networks: {
    'subnet-all': { destinations: ['0.0.0.0/0'] },
    'subnet-data': { destinations: ['10.20.0.0/16'] },
    'subnet-none': { destinations: [] },
  },
  securityGroups: {
    'sg-1': {
      egress: [
        { domain: 'api.example.com', protocol: 'tcp' as const, ports: '443' },
        { domain: '*.example.org', protocol: 'tcp' as const },
      ],
    },
  },
};

test('a domain leads to public addresses of a subnet, and to private ones where the subnet is private itself', () => {
  const all = egressPolicy(order(['subnet-all']), settings);
  assert.deepEqual(all.rules, []);
  const found = (name: string | undefined, address: string) => domainRulesFor(all, own, name, address);
  assert.deepEqual(found('api.example.com', '198.51.100.7'), [0]);
  assert.deepEqual(found('a.b.example.org', '198.51.100.7'), [1]);
  for (const name of [
    'example.com',
    'x.api.example.com',
    'example.org',
    'notexample.org',
    'api.example.com.',
    undefined,
  ])
    assert.deepEqual(found(name, '198.51.100.7'), [], name);
  for (const address of [
    '10.20.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '203.0.113.2',
    '192.168.1.1',
    '100.64.0.1',
    'x',
  ])
    assert.deepEqual(found('api.example.com', address), [], address);

  const data = egressPolicy(order(['subnet-data']), settings);
  assert.deepEqual(domainRulesFor(data, own, 'api.example.com', '10.20.0.1'), [0]);
  assert.deepEqual(domainRulesFor(data, own, 'api.example.com', '10.21.0.1'), []);
  assert.deepEqual(domainRulesFor(data, own, 'api.example.com', '198.51.100.7'), []);
  assert.deepEqual(egressPolicy(order(['subnet-none']), settings), noEgress);
});

test('with nothing but domains, other names are not even asked for', () => {
  const policy = egressPolicy(order(['subnet-all']), settings);
  for (const name of ['api.example.com', 'x.example.org']) assert.ok(mayBeAsked(policy, name), name);
  for (const name of ['secret.attacker.test', 'example.com', '', undefined])
    assert.ok(!mayBeAsked(policy, name), name);
  assert.ok(mayBeAsked({ ...policy, internet: true }, 'anything.test'));
  assert.ok(!mayBeAsked(noEgress, 'api.example.com'));
});

test('a name that only looks like one of a rule is none', () => {
  const question = (...labels: string[]) => {
    const name = labels.map((label) =>
      Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]),
    );
    const head = Buffer.from('000101000001000000000000', 'hex');
    return parseMessage(Buffer.concat([head, ...name, Buffer.from('0000010001', 'hex')])).questionName;
  };
  assert.equal(question('API', 'Example', 'com'), 'api.example.com');
  assert.equal(question('api.example', 'com'), undefined);
  assert.equal(question('api', 'example\0', 'com'), undefined);
  assert.equal(question('a b', 'com'), undefined);
});

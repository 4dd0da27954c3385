// What domain rules learn, as the firewall has it: on this host, in a namespace that the test makes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseNetwork } from '../../src/config/ipv4.ts';
import type { EgressPolicy } from '../../src/host/network/egress.ts';
import { MicrovmNetworks } from '../../src/host/network/microvm-networks.ts';
import { namespaceOf, removeNamespace } from '../../src/host/network/uplink.ts';
import { createLog } from '../../src/log/log.ts';

const policy: EgressPolicy = {
  internet: false,
  rules: [],
  domains: [
    {
      ...{ domain: 'api.example.com', protocol: 'tcp', ports: { first: 443, last: 443 } },
      within: [parseNetwork('0.0.0.0/0')!],
    },
    { domain: '*.example.org', protocol: 'any', within: [parseNetwork('0.0.0.0/0')!] },
  ],
};
const errors: string[] = [];
const log = createLog((line) => errors.push(line));
let dataDir: string;
let networks: MicrovmNetworks;

const open = () => MicrovmNetworks.open({ dataDir, stateFile: join(dataDir, 'networks.json'), log });
const rules = () =>
  execFileSync('nsenter', [`--net=${namespaceOf(dataDir).path}`, 'nft', 'list', 'ruleset'], {
    encoding: 'utf8',
  });
/** Addresses in the set of a domain rule. */
const learned = (wire: string, rule: number) => {
  const set =
    new RegExp(`set names_${wire}_${rule} \\{([^}]*(\\{[^}]*\\})?[^}]*)\\}`).exec(rules())?.[1] ?? 'none';
  return [...set.matchAll(/(\d+\.\d+\.\d+\.\d+) timeout 6h/g)].map((match) => match[1]).sort();
};

before(async () => {
  dataDir = mkdtempSync('/tmp/sq-net-');
  networks = await open();
});
after(async () => {
  await networks?.close();
  await removeNamespace(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

test('an address is allowed once it was answered for a name of a rule, for that rule alone', async () => {
  const { name: wire } = await networks.attach('one');
  await networks.admit('one', policy);
  assert.deepEqual([learned(wire, 0), learned(wire, 1)], [[], []]);
  await networks.learn('one', 'api.example.com', ['198.51.100.7', '10.0.0.1', '169.254.169.254']);
  await networks.learn('one', 'a.example.org', ['198.51.100.8', '198.51.100.9']);
  await networks.learn('one', 'other.test', ['198.51.100.10']);
  await networks.learn('nobody', 'api.example.com', ['198.51.100.11']);
  assert.deepEqual(learned(wire, 0), ['198.51.100.7']);
  assert.deepEqual(learned(wire, 1), ['198.51.100.8', '198.51.100.9']);
  const chain = new RegExp(`chain from_${wire} \\{([^}]*)\\}`).exec(rules())?.[1] ?? '';
  assert.match(chain, new RegExp(`ip daddr @names_${wire}_0 tcp dport 443-443 accept`));
  assert.match(chain, new RegExp(`ip daddr @names_${wire}_1 accept\\s+goto refuse`));
});

test('after a restart it still is; rules that changed begin anew', async () => {
  await networks.close();
  networks = await open();
  const { name: wire } = await networks.attach('one');
  assert.deepEqual(learned(wire, 1), ['198.51.100.8', '198.51.100.9']);
  await networks.admit('one', policy);
  assert.deepEqual(learned(wire, 1), ['198.51.100.8', '198.51.100.9']);
  await networks.admit('one', { ...policy, domains: [...policy.domains].reverse() });
  assert.deepEqual([learned(wire, 0), learned(wire, 1)], [[], []]);
});

test('a machine that ends while it is being admitted leaves no rules, and nothing fails', async () => {
  const { name: wire } = await networks.attach('two');
  // So many that setting them takes longer than looking at what was counted.
  const to = parseNetwork('198.51.100.0/24')!;
  const port = (first: number) => ({ to, protocol: 'tcp' as const, ports: { first, last: first } });
  const long = { ...policy, rules: Array.from({ length: 2000 }, (_, index) => port(index + 1)) };
  const [network, traffic] = await Promise.all([networks.admit('two', long), networks.release('two')]);
  assert.equal(network?.prefixLength, 30);
  assert.deepEqual(traffic, { sentBytes: 0, receivedBytes: 0 });
  assert.doesNotMatch(rules(), new RegExp(`from_${wire} |"${wire}" :`));
  assert.equal(await networks.admit('two', policy), undefined, 'it has no wire any more');
});

test('nothing of it is left when the machine is gone', async () => {
  await networks.release('one');
  assert.doesNotMatch(rules(), /names_|chain from_/);
  assert.deepEqual(errors, []);
});

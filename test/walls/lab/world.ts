// The squib under attack and what its cases share; cases print one line each: { name, failure? }.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { SignatureV4 } from '@smithy/signature-v4';
import { readRootCredential } from '../../../src/daemon/credentials.ts';
import { Sha256 } from '../../aws/sign.ts';
import { mint, type TestMicrovm } from '../../support/microvms.ts';
import { TestSquib } from '../../support/squib.ts';

export interface Probe {
  action: string;
  host?: string;
  port?: number;
  source?: string;
  label?: string;
  method?: string;
  headers?: Record<string, string>;
  /** How long, how much, and with which randomness. */
  seconds?: number;
  mib?: number;
  seed?: number;
}
export type Result = { ok?: unknown; error?: string };
export interface Arrival {
  who: string;
  protocol: string;
  to: string;
  port: number;
  from: string;
  /** Of datagrams. */
  text?: string;
}

export const publicHost = '198.51.100.10';
export const forbidden = [
  ...['10.1.2.3', '10.200.0.9', '172.16.9.9', '172.31.255.1', '192.168.77.7', '100.64.5.5', '198.18.0.9'],
  ...['169.254.7.7', '192.0.0.9', '127.0.0.3', '224.0.0.1', '255.255.255.255'],
  // squib's host: its addresses, its neighbour's, and both ends of every wire
  ...['203.0.113.2', '203.0.113.1', '198.51.100.200', '10.99.0.1', '192.168.99.1'],
  ...['169.254.33.1', '169.254.33.2', '169.254.64.1', '169.254.64.5', '169.254.64.9'],
];
export const forbidden6 = [
  '2001:db8:9::10',
  'fd00:ec2::254',
  'fd12::7',
  '2001:db8:1::2',
  '2001:db8:1::1',
  'fe80::1%eth0',
];

/** Status and body of an `http` probe. */
export const answerOf = (result: Result | undefined) => (result?.ok ?? [0, '']) as [number, string];
export const arrivalsFile = process.env.SQUIB_WALLS_ARRIVALS ?? '';
export const arrivals = (): Arrival[] =>
  readFileSync(arrivalsFile, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
export const isName = (arrival: Arrival) => arrival.protocol === 'udp' && arrival.port === 53;

let failures = 0;
/** How many cases have failed so far. */
export const failed = () => failures;
export function fail(name: string, error: unknown): void {
  console.log(JSON.stringify({ name, failure: (error as Error).stack }));
  failures++;
}
export async function check(name: string, body: () => Promise<void>): Promise<void> {
  writeFileSync(arrivalsFile, '');
  let failure: string | undefined;
  try {
    await body();
  } catch (error) {
    failure = (error as Error).stack;
    failures++;
  }
  console.log(JSON.stringify({ name, failure }));
}

export const squib = await TestSquib.start({
  networks: {
    'subnet-inner': { destinations: ['10.1.0.0/16'] },
    'subnet-all': { destinations: ['0.0.0.0/0'] },
  },
  securityGroups: {
    'sg-web': { egress: [{ cidr: '10.0.0.0/8', protocol: 'tcp', ports: '80' }] },
    'sg-closed': { egress: [] },
    'sg-names': {
      egress: [
        { domain: 'public.test', protocol: 'tcp', ports: '443' },
        { domain: '*.moving.test', protocol: 'tcp', ports: '80' },
      ],
    },
    'sg-greedy': { egress: [{ cidr: '0.0.0.0/0', protocol: 'any' }] },
  },
  roles: {
    'arn:aws:iam::000000000000:role/keys': { credentialsFile: '/tmp/sqwalls-role.json' },
  },
});
writeFileSync(
  '/tmp/sqwalls-role.json',
  JSON.stringify({ accessKeyId: 'ASIATEST', secretAccessKey: 'secret-of-the-role' }),
  {
    mode: 0o600,
  },
);
const tokens = new Map<string, string>();

export async function probe(microvm: TestMicrovm, probes: Probe[]): Promise<Result[]> {
  const token = tokens.get(microvm.id) ?? (await mint(squib, microvm.id));
  tokens.set(microvm.id, token);
  const { hostname } = new URL(`https://${microvm.endpoint}`);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port: squib.config.endpoint.port, servername: hostname, ca: squib.ca },
        ...{ method: 'POST', path: '/', agent: false },
        headers: { host: microvm.endpoint, 'x-aws-proxy-auth': token },
      },
      async (response) => {
        const body = Buffer.concat(await response.toArray()).toString('utf8');
        if (response.statusCode !== 200)
          reject(new Error(`${response.statusCode}: ${body}\n${squib.log.slice(-3000)}`));
        else resolve(JSON.parse(body));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(probes));
  });
}

export async function one(
  microvm: TestMicrovm,
  action: string,
  rest: Omit<Probe, 'action'> = {},
): Promise<Result> {
  return (await probe(microvm, [{ action, ...rest }]))[0]!;
}

/** All of these fail, and nobody anywhere noticed them. */
export async function nothingReached(microvm: TestMicrovm, probes: Probe[]): Promise<void> {
  const results = await probe(microvm, probes);
  const reached = probes.filter((_, index) => results[index]?.error === undefined);
  assert.deepEqual(
    reached.filter(({ action }) => action !== 'spoof'),
    [],
  );
  await sleep(200);
  assert.deepEqual(
    arrivals().filter((arrival) => !isName(arrival)),
    [],
  );
}

export const everywhere = (hosts: string[]): Probe[] =>
  hosts.flatMap((host) => [
    ...[22, 80, 4700].map((port) => ({ action: 'tcp', host, port })),
    { action: 'udp', host, port: 9999 },
  ]);

export const app = (name: string) => readFileSync(new URL(`../app/${name}`, import.meta.url));
export const terminate = (microvm: TestMicrovm) =>
  squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvm.id }));

export async function connector(name: string, subnet: string, group: string): Promise<string> {
  const { Arn } = await core('POST', '', {
    Name: name,
    OperatorRole: squib.buildRoleArn,
    ClientToken: name.padEnd(33, '0'),
    Configuration: {
      VpcEgressConfiguration: {
        SubnetIds: [subnet],
        SecurityGroupIds: [group],
        NetworkProtocol: 'IPv4',
        AssociatedComputeResourceTypes: ['MicroVm'],
      },
    },
  });
  while ((await core('GET', `/${encodeURIComponent(String(Arn))}`)).State !== 'ACTIVE') await sleep(20);
  return String(Arn);
}

/** One call of lambda-core, whose client is not among the dependencies. */
export async function core(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const { port } = squib.config.api;
  const signer = new SignatureV4({
    ...{ service: 'lambda', region: squib.config.region, sha256: Sha256, uriEscapePath: true },
    credentials: readRootCredential(squib.layout.keys),
  });
  const text = body && JSON.stringify(body);
  const signed = await signer.sign({
    ...{
      method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      port,
      path: `/2026-04-04/network-connectors${path}`,
    },
    headers: { host: `127.0.0.1:${port}`, 'content-type': 'application/json' },
    ...(text && { body: text }),
  });
  const url = `http://127.0.0.1:${port}${signed.path}`;
  const answer = await fetch(url, { method, headers: signed.headers, ...(text && { body: text }) });
  const content = (await answer.json()) as Record<string, unknown>;
  if (!answer.ok) throw new Error(`${answer.status} ${JSON.stringify(content)}`);
  return content;
}

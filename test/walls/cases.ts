// Runs on squib's host in the lab, prints one line per case: { name, failure? }.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { SuspendMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { SignatureV4 } from '@smithy/signature-v4';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { Sha256 } from '../aws/sign.ts';
import { buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { mint, run, type TestMicrovm, until } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

interface Probe {
  action: string;
  host?: string;
  port?: number;
  source?: string;
  label?: string;
  method?: string;
  headers?: Record<string, string>;
}
type Result = { ok?: unknown; error?: string };
interface Arrival {
  who: string;
  protocol: string;
  to: string;
  port: number;
  from: string;
}

const publicHost = '198.51.100.10';
const forbidden = [
  ...['10.1.2.3', '10.200.0.9', '172.16.9.9', '172.31.255.1', '192.168.77.7', '100.64.5.5', '198.18.0.9'],
  ...['169.254.7.7', '192.0.0.9', '127.0.0.3', '224.0.0.1', '255.255.255.255'],
  // squib's host: its addresses, its neighbour's, and both ends of every wire
  ...['203.0.113.2', '203.0.113.1', '198.51.100.200', '10.99.0.1', '192.168.99.1'],
  ...['169.254.33.1', '169.254.33.2', '169.254.64.1', '169.254.64.5', '169.254.64.9'],
];
const forbidden6 = [
  '2001:db8:9::10',
  'fd00:ec2::254',
  'fd12::7',
  '2001:db8:1::2',
  '2001:db8:1::1',
  'fe80::1%eth0',
];

/** Status and body of an `http` probe. */
const answerOf = (result: Result | undefined) => (result?.ok ?? [0, '']) as [number, string];
const arrivalsFile = process.env.SQUIB_WALLS_ARRIVALS ?? '';
const arrivals = (): Arrival[] =>
  readFileSync(arrivalsFile, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const isName = (arrival: Arrival) => arrival.protocol === 'udp' && arrival.port === 53;

let failures = 0;
async function check(name: string, body: () => Promise<void>): Promise<void> {
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

const squib = await TestSquib.start({
  networks: {
    'subnet-inner': { destinations: ['10.1.0.0/16'] },
    'subnet-all': { destinations: ['0.0.0.0/0'] },
  },
  securityGroups: {
    'sg-web': { egress: [{ cidr: '10.0.0.0/8', protocol: 'tcp', ports: '80' }] },
    'sg-closed': { egress: [] },
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

async function probe(microvm: TestMicrovm, probes: Probe[]): Promise<Result[]> {
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

async function one(microvm: TestMicrovm, action: string, rest: Omit<Probe, 'action'> = {}): Promise<Result> {
  return (await probe(microvm, [{ action, ...rest }]))[0]!;
}

/** All of these fail, and nobody anywhere noticed them. */
async function nothingReached(microvm: TestMicrovm, probes: Probe[]): Promise<void> {
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

const everywhere = (hosts: string[]): Probe[] =>
  hosts.flatMap((host) => [
    ...[22, 80, 4700].map((port) => ({ action: 'tcp', host, port })),
    { action: 'udp', host, port: 9999 },
  ]);

const app = (name: string) => readFileSync(new URL(`./app/${name}`, import.meta.url));
const terminate = (microvm: TestMicrovm) =>
  squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvm.id }));

async function connector(name: string, subnet: string, group: string): Promise<string> {
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
async function core(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
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

try {
  const uri = await put(
    squib,
    'walls.zip',
    await zip({ Dockerfile: app('Dockerfile'), 'app.py': app('app.py') }),
  );
  const image = await createImage(squib, 'walls', uri);
  const { state, reason } = await imageSettled(squib, image);
  if (state !== 'CREATED')
    throw new Error(`${reason}\n${await buildLog(squib, 'walls')}\n${squib.log.slice(-4000)}`);

  const [free, neighbour] = await Promise.all([
    run(squib, image, { executionRoleArn: 'arn:aws:iam::000000000000:role/keys' }),
    run(squib, image),
  ]);
  // An image without /ready is saved when it is quiet, which on a busy machine may be before its application listens.
  for (const microvm of [free, neighbour])
    for (let i = 0; i < 600 && (await microvm.send('/')).status !== 200; i++) await sleep(100);
  const addressOf = async (microvm: TestMicrovm) => {
    const { ok } = await one(microvm, 'hold', { host: publicHost, port: 80, label: 'address' });
    return String(ok);
  };

  await check('INTERNET_EGRESS reaches a public host by TCP and by name', async () => {
    assert.deepEqual(
      await probe(free, [
        { action: 'tcp', host: publicHost, port: 443 },
        { action: 'name', host: 'public.test' },
        { action: 'tcp', host: 'public.test', port: 80 },
      ]),
      [{ ok: 'hello' }, { ok: [publicHost] }, { ok: 'hello' }],
    );
    const seen = arrivals().filter((arrival) => !isName(arrival));
    assert.deepEqual(
      seen.map(({ who, to, from }) => [who, to, from]),
      [
        ['world', publicHost, '203.0.113.2'],
        ['world', publicHost, '203.0.113.2'],
      ],
    );
  });
  await check('INTERNET_EGRESS reaches no private, link-local, special or own address of the host', () =>
    nothingReached(free, everywhere(forbidden)),
  );
  await check('there is no IPv6 to get out by', () => nothingReached(free, everywhere(forbidden6)));
  await check('neither UDP nor ICMP gets out, names by foreign servers included', () =>
    nothingReached(free, [
      { action: 'udp', host: publicHost, port: 9999 },
      { action: 'udp', host: '198.51.100.53', port: 53 },
      { action: 'icmp', host: publicHost },
      { action: 'icmp', host: '203.0.113.2' },
    ]),
  );
  await check('the metadata address of the cloud is not reached; what answers there is squib', async () => {
    const [v1, udp] = await probe(free, [
      { action: 'http', host: 'http://169.254.169.254/latest/meta-data/iam/security-credentials/' },
      { action: 'udp', host: '169.254.169.254', port: 9999 },
    ]);
    assert.deepEqual(answerOf(v1)[0], 401);
    assert.ok(udp?.error);
    assert.deepEqual(arrivals(), []);
  });
  await check('forged source addresses do not leave the wire', async () => {
    const other = await addressOf(neighbour);
    await sleep(100);
    writeFileSync(arrivalsFile, '');
    const sources = [other, '203.0.113.2', '198.51.100.200', '10.1.2.3', '127.0.0.1', '8.8.8.8'];
    await nothingReached(
      free,
      sources.flatMap((source) => [
        { action: 'spoof', host: publicHost, port: 80, source },
        { action: 'spoof', host: '203.0.113.2', port: 80, source },
      ]),
    );
  });
  await check('MicroVMs do not reach each other', async () => {
    const other = await addressOf(neighbour);
    assert.match(other, /^169\.254\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+$/);
    writeFileSync(arrivalsFile, '');
    const gateway = other.replace(/\d+$/, (last) => String(Number(last) - 1));
    await nothingReached(free, [
      ...everywhere([other, gateway]),
      { action: 'tcp', host: other, port: 8080 },
      { action: 'icmp', host: other },
      { action: 'icmp', host: gateway },
    ]);
  });
  await check('names cannot be rebound to forbidden addresses', async () => {
    const names = [
      'private.test',
      'host.test',
      'loopback.test',
      'metadata.test',
      'mixed.test',
      'nothing.test',
    ];
    const results = await probe(
      free,
      names.map((host) => ({ action: 'name', host })),
    );
    for (const [index, host] of names.entries()) assert.ok(results[index]?.error, host);
  });
  await check('the guest has the resolver of the specification', async () => {
    const { ok } = await one(free, 'file', { host: '/etc/resolv.conf' });
    assert.equal(ok, 'nameserver 127.0.0.2\nnameserver 169.254.53.53\n');
  });
  await check('IMDSv2 gives the execution role its keys, and nobody else', async () => {
    const base = 'http://169.254.169.254/latest';
    const put = { method: 'PUT', host: `${base}/api/token` };
    const ttl = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    const [token, tooLong, none] = await probe(free, [
      { action: 'http', ...put, headers: ttl },
      { action: 'http', ...put, headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '21601' } },
      { action: 'http', ...put },
    ]);
    const [status, text] = answerOf(token);
    assert.equal(status, 200);
    assert.deepEqual(
      [tooLong, none].map((result) => answerOf(result)[0]),
      [400, 400],
    );
    const headers = { 'X-aws-ec2-metadata-token': text };
    const roles = `${base}/meta-data/iam/security-credentials/`;
    const [list, keys, other, wrong, foreign] = await probe(free, [
      { action: 'http', host: roles, headers },
      { action: 'http', host: `${roles}execution_role`, headers },
      { action: 'http', host: `${base}/meta-data/instance-id`, headers },
      { action: 'http', host: roles, headers: { 'X-aws-ec2-metadata-token': 'AAAA' } },
      { action: 'http', host: `${roles}another_role`, headers },
    ]);
    assert.deepEqual(list?.ok, [200, 'execution_role']);
    const document = JSON.parse(answerOf(keys)[1]);
    assert.equal(document.Code, 'Success');
    assert.equal(document.AccessKeyId, 'ASIATEST');
    assert.equal(document.SecretAccessKey, 'secret-of-the-role');
    assert.equal(Date.parse(document.Expiration) - Date.parse(document.LastUpdated), 55 * 60_000);
    assert.deepEqual(
      [other, wrong, foreign].map((r) => answerOf(r)[0]),
      [404, 401, 404],
    );
    // The neighbour has no role, and this token is not its own.
    const [stolen, own] = await probe(neighbour, [
      { action: 'http', host: roles, headers },
      { action: 'http', ...put, headers: ttl },
    ]);
    assert.equal(answerOf(stolen)[0], 401);
    const mine = { 'X-aws-ec2-metadata-token': answerOf(own)[1] };
    const nothing = await one(neighbour, 'http', { host: roles, headers: mine });
    assert.equal(answerOf(nothing)[0], 404);
    assert.ok(!squib.log.includes('secret-of-the-role'));
  });
  await check('an application may listen on port 80 of all addresses', async () => {
    assert.deepEqual(await one(free, 'take_over_port_80'), { ok: 'taken' });
  });
  await check(
    'after a suspension outside connections are reset, loopback ones live, and all walls stand',
    async () => {
      const [out, loop] = await probe(free, [
        { action: 'hold', host: publicHost, port: 80, label: 'outside' },
        { action: 'hold', host: '127.0.0.1', port: 7000, label: 'inside' },
      ]);
      assert.ok(out?.ok && loop?.ok);
      await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: free.id }));
      await until(squib, free.id, 'SUSPENDED');
      const [outside, inner, again] = await probe(free, [
        { action: 'held', label: 'outside' },
        { action: 'held', label: 'inside' },
        { action: 'tcp', host: publicHost, port: 80 },
      ]);
      assert.match(String(outside?.error), /ConnectionAborted|ConnectionReset|BrokenPipe/);
      assert.deepEqual([inner, again], [{ ok: 'again' }, { ok: 'hello' }]);
      writeFileSync(arrivalsFile, '');
      await nothingReached(free, everywhere(forbidden.slice(0, 6)));
    },
  );
  await check('a restarted daemon keeps connections and walls of running MicroVMs', async () => {
    await one(neighbour, 'hold', { host: publicHost, port: 80, label: 'kept' });
    await squib.down('SIGKILL');
    await squib.up();
    assert.deepEqual(await one(neighbour, 'held', { label: 'kept' }), { ok: 'again' });
    assert.deepEqual(await one(neighbour, 'name', { host: 'public.test' }), { ok: [publicHost] });
    writeFileSync(arrivalsFile, '');
    await nothingReached(neighbour, everywhere(forbidden.slice(0, 6)));
  });

  const [closed, inner, greedy] = await Promise.all(
    [
      await connector('closed', 'subnet-all', 'sg-closed'),
      await connector('inner', 'subnet-inner', 'sg-web'),
      await connector('greedy', 'subnet-all', 'sg-greedy'),
    ].map((arn) => run(squib, image, { egressNetworkConnectors: [arn] })),
  );
  await check('a connector without rules is no egress at all, names included', async () => {
    await nothingReached(closed!, [
      ...everywhere([publicHost, ...forbidden]),
      { action: 'name', host: 'public.test' },
    ]);
    assert.deepEqual(arrivals(), []);
    const results = await probe(closed!, [
      { action: 'spoof', host: publicHost, port: 80, source: '169.254.64.2' },
    ]);
    assert.ok(results[0]);
    assert.deepEqual(arrivals(), []);
  });
  await check('a VPC connector reaches what subnet and security group both name', async () => {
    const results = await probe(inner!, [
      { action: 'tcp', host: '10.1.2.3', port: 80 },
      { action: 'name', host: 'private.test' },
      { action: 'tcp', host: '10.1.2.3', port: 443 }, // another port
      { action: 'tcp', host: '10.200.0.9', port: 80 }, // another subnet
      { action: 'tcp', host: publicHost, port: 80 },
      { action: 'name', host: 'public.test' },
    ]);
    assert.deepEqual(results.slice(0, 2), [{ ok: 'hello' }, { ok: ['10.1.2.3'] }]);
    assert.deepEqual(
      results.slice(2).filter(({ error }) => !error),
      [],
    );
    const seen = arrivals().filter((arrival) => !isName(arrival));
    assert.deepEqual(
      seen.map(({ to, port }) => [to, port]),
      [['10.1.2.3', 80]],
    );
  });
  await check(
    'a connector that allows everything still leads neither to the host nor to link-local addresses',
    async () => {
      const own = ['203.0.113.2', '198.51.100.200', '10.99.0.1', '192.168.99.1', '127.0.0.3', '169.254.33.1'];
      await nothingReached(
        greedy!,
        everywhere([...own, '169.254.33.2', '169.254.64.1', '169.254.7.7', '224.0.0.1']),
      );
      assert.deepEqual(await one(greedy!, 'tcp', { host: '192.168.77.7', port: 80 }), { ok: 'hello' });
      assert.deepEqual(await one(greedy!, 'udp', { host: '192.168.77.7', port: 9999 }), { ok: 'hello' });
    },
  );
  await check('RUN steps of a build reach the world and nothing else', async () => {
    const hosts = [publicHost, ...forbidden.filter((host) => !host.startsWith('127.'))];
    const script = [
      `# ${randomUUID()}: the layer cache must not answer for an earlier run`,
      'import socket,concurrent.futures as f',
      'def t(a):',
      '  try:',
      '    s=socket.create_connection(a,2); return a[0]+" "+s.recv(9).decode()',
      '  except Exception: return ""',
      `print("REACHED", sorted(filter(None, f.ThreadPoolExecutor(32).map(t, [(h,p) for h in ${JSON.stringify(hosts)} for p in (22,80,4700)]))))`,
    ].join('\n');
    const dockerfile = `FROM python:3.13-slim\nCOPY probe.py /\nRUN python /probe.py\nCMD ["sleep", "3600"]\n`;
    const steps = await put(squib, 'steps.zip', await zip({ Dockerfile: dockerfile, 'probe.py': script }));
    await createImage(squib, 'steps', steps);
    await imageSettled(
      squib,
      `arn:aws:lambda:${squib.config.region}:${squib.config.accountId}:microvm-image:steps`,
    );
    const reached = /REACHED (.*)/.exec(await buildLog(squib, 'steps'))?.[1];
    assert.equal(reached, `['${publicHost} hello', '${publicHost} hello', '${publicHost} hello']`);
    const seen = new Set(
      arrivals()
        .filter((arrival) => !isName(arrival))
        .map(({ who, to }) => `${who} ${to}`),
    );
    assert.deepEqual([...seen], [`world ${publicHost}`]);
  });
  await check('what crossed a wire is counted', async () => {
    await terminate(free);
    await until(squib, neighbour.id, 'RUNNING');
    for (let i = 0; i < 50 && !squib.log.includes('microvm.traffic'); i++) await sleep(100);
    const line = squib.log
      .split('\n')
      .find((text) => text.includes('microvm.traffic') && text.includes(free.id));
    const { sentBytes, receivedBytes } = JSON.parse(line ?? '{}') as {
      sentBytes: number;
      receivedBytes: number;
    };
    assert.ok(sentBytes > 100 && receivedBytes > 100, line);
  });
} catch (error) {
  console.log(JSON.stringify({ name: 'the suite itself', failure: (error as Error).stack }));
  failures++;
} finally {
  await squib.remove();
}
process.exit(failures === 0 ? 0 : 1);

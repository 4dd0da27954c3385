// Runs on squib's host in the lab: every case of the attack suite.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SuspendMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { buildLog, createImage, imageSettled, put, zip } from '../support/images.ts';
import { run, type TestMicrovm, until } from '../support/microvms.ts';
import { beginToTalk } from './cases/activity.ts';
import { deviceCases } from './cases/devices.ts';
import { exhaustionCases } from './cases/exhaustion.ts';
import { outsideCases } from './cases/outside.ts';
import { tenantCases } from './cases/tenants.ts';
import {
  answerOf,
  app,
  arrivals,
  arrivalsFile,
  check,
  connector,
  everywhere,
  fail,
  failed,
  forbidden,
  forbidden6,
  isName,
  nothingReached,
  one,
  probe,
  publicHost,
  squib,
  terminate,
} from './lab/world.ts';

try {
  const uri = await put(
    squib,
    'walls.zip',
    await zip({ Dockerfile: app('Dockerfile'), 'app.py': app('app.py'), 'hostile.py': app('hostile.py') }),
  );
  const image = await createImage(squib, 'walls', uri, { additionalOsCapabilities: ['ALL'] });
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

  /** Of the guest itself: what it takes packets for by its card. */
  const addressesOfCard = async (microvm: TestMicrovm) => {
    const { ok } = await one(microvm, 'file', { host: '/proc/net/fib_trie' });
    const local = String(ok).matchAll(/-- ([\d.]+)\n\s+\/32 host LOCAL/g);
    const addresses = [...local].map(([, address = '']) => address);
    return [...new Set(addresses)].filter((address) => !/^127\.|^169\.254\.53\./.test(address));
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
    // Every clone has an address of its own, and none of the machine that its snapshot was made of.
    for (const [microvm, own] of [
      [neighbour, other],
      [free, await addressOf(free)],
    ] as const)
      assert.deepEqual(await addressesOfCard(microvm), [own]);
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
    assert.deepEqual(await addressesOfCard(closed!), []);
    const { ok: flags } = await one(closed!, 'file', { host: '/sys/class/net/eth0/flags' });
    assert.equal(Number(flags) & 1, 0, `the card is up: ${flags}`);
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
  await check(
    'a security group’s domain leads to the addresses that were answered for it, and nowhere else',
    async () => {
      const arn = await connector('names', 'subnet-all', 'sg-names');
      const named = await run(squib, image, { egressNetworkConnectors: [arn] });
      for (let i = 0; i < 600 && (await named.send('/')).status !== 200; i++) await sleep(100);
      // Before the name was asked for, its address is as closed as any other.
      await nothingReached(named, [{ action: 'tcp', host: publicHost, port: 443 }, ...everywhere(forbidden)]);
      assert.deepEqual(await one(named, 'tcp', { host: 'public.test', port: 443 }), { ok: 'hello' });
      assert.deepEqual(await one(named, 'tcp', { host: 'a.moving.test', port: 80 }), { ok: 'hello' });
      // Another port, another name's address at this port, names into private networks, names that no rule has.
      writeFileSync(arrivalsFile, '');
      await nothingReached(named, [
        { action: 'tcp', host: publicHost, port: 80 },
        { action: 'tcp', host: '192.0.2.99', port: 443 },
        { action: 'tcp', host: 'inner.moving.test', port: 80 },
        { action: 'tcp', host: 'host.moving.test', port: 80 },
        { action: 'name', host: 'moving.test' },
        { action: 'name', host: 'secret-data.elsewhere.test' },
      ]);
      const asked = arrivals()
        .filter(isName)
        .map(({ text = '' }) => text);
      assert.ok(
        !asked.some((text) => text.includes('secret-data')),
        'a question that no rule names went out',
      );
      // What was learned outlives the daemon.
      await squib.down('SIGKILL');
      await squib.up();
      assert.deepEqual(await one(named, 'tcp', { host: publicHost, port: 443 }), { ok: 'hello' });
      await terminate(named);
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
  const talked = await beginToTalk(image);
  await exhaustionCases(free, neighbour);
  await deviceCases(image, neighbour);
  await tenantCases(image, neighbour);
  await outsideCases(neighbour);
  await talked();
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
  fail('the suite itself', error);
} finally {
  await squib.remove();
}
process.exit(failed() === 0 ? 0 : 1);

// From outside: whoever has no right, or a wrong, old, foreign, repeated or broken one.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { sign } from '../../../src/aws/client/sign.ts';
import { readRootCredential } from '../../../src/daemon/credentials.ts';
import { Tokens } from '../../../src/ingress/tokens.ts';
import { mint, send, type TestMicrovm } from '../../support/microvms.ts';
import { check, squib } from '../lab/world.ts';

interface Call {
  service: string;
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };
/** One call of every service. */
const calls: Call[] = [
  { service: 'lambda', method: 'GET', path: '/2025-09-09/microvm-images' },
  { service: 'lambda', method: 'GET', path: '/2026-04-04/network-connectors' },
  { service: 'squib', method: 'GET', path: '/_squib/v1/credentials' },
  { service: 's3', method: 'GET', path: '/' },
  { service: 'iam', method: 'POST', path: '/', headers: form, body: 'Action=ListRoles&Version=2010-05-08' },
  {
    service: 'cloudformation',
    method: 'POST',
    path: '/',
    headers: form,
    body: 'Action=ListStacks&Version=2010-05-15',
  },
  {
    service: 'sts',
    method: 'POST',
    path: '/',
    headers: form,
    body: 'Action=GetCallerIdentity&Version=2011-06-15',
  },
  {
    ...{ service: 'logs', method: 'POST', path: '/', body: '{}' },
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Logs_20140328.DescribeLogGroups',
    },
  },
];

const base = () => `http://127.0.0.1:${squib.config.api.port}`;

function ask(
  path: string,
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const outgoing = plainRequest(`${base()}${path}`, { method, headers, agent: false }, async (answer) => {
      resolve([answer.statusCode ?? 0, Buffer.concat(await answer.toArray()).toString('utf8')]);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export async function outsideCases(microvm: TestMicrovm): Promise<void> {
  const root = readRootCredential(squib.layout.keys);
  const { region } = squib.config;
  const signed = (call: Call, o: Partial<Parameters<typeof sign>[1]> = {}, now = Date.now()) =>
    sign(
      {
        ...{ method: call.method, body: call.body ?? '', headers: call.headers ?? {} },
        url: new URL(call.path, base()),
      },
      { region, ...root, ...o },
      call.service,
      now,
    );
  const minute = 60_000;

  await check('the API answers nobody without a right signature, at any of its services', async () => {
    for (const call of calls) {
      const good = await ask(call.path, call.method, signed(call), call.body);
      assert.equal(good[0], 200, `${call.service}: ${good}`);
      const broken = (change: (headers: Record<string, string>) => void) => {
        const headers = signed(call);
        change(headers);
        return headers;
      };
      const attempts: Record<string, Record<string, string>> = {
        unsigned: call.headers ?? {},
        old: signed(call, {}, Date.now() - 16 * minute),
        early: signed(call, {}, Date.now() + 16 * minute),
        'foreign key': signed(call, { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }),
        'foreign secret': signed(call, { secretAccessKey: `${root.secretAccessKey.slice(0, -1)}_` }),
        'token of nobody': signed(call, { sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE' }),
        'another service': signed({ ...call, service: 'ec2' }),
        'one digit changed': broken((h) => {
          h.authorization = h.authorization!.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
        }),
        'no signature': broken((h) => {
          h.authorization = h.authorization!.replace(/Signature=.*/, 'Signature=');
        }),
        'header added to the signed ones': broken((h) => {
          h.authorization = h.authorization!.replace('SignedHeaders=', 'SignedHeaders=x-more;');
        }),
        'not a signature': { ...call.headers, authorization: 'Bearer root' },
        nonsense: { ...call.headers, authorization: `AWS4-HMAC-SHA256 ${'='.repeat(4000)}` },
        'other date': broken((h) => {
          h['x-amz-date'] = h['x-amz-date']!.replace(/^20../, '1999');
        }),
      };
      for (const [what, headers] of Object.entries(attempts)) {
        const [status, body] = await ask(call.path, call.method, headers, call.body);
        assert.ok(status >= 400 && status <= 404, `${call.service}, ${what}: ${status} ${body}`);
        assert.ok(!body.includes(root.secretAccessKey), what);
      }
      // Taken from the wire and sent again for something else.
      const captured = signed(call);
      const elsewhere = await ask(
        `${call.path}${call.path === '/' ? 'x' : '/x'}`,
        call.method,
        captured,
        call.body,
      );
      assert.ok(
        elsewhere[0] >= 400 && elsewhere[0] <= 404,
        `${call.service}, replayed elsewhere: ${elsewhere}`,
      );
      const otherVerb = await ask(call.path, call.method === 'GET' ? 'DELETE' : 'PUT', captured, call.body);
      assert.ok(otherVerb[0] >= 400 && otherVerb[0] <= 405, `${call.service}, another verb: ${otherVerb}`);
      if (call.body === undefined) continue;
      const otherBody = await ask(call.path, call.method, captured, `${call.body} `);
      assert.ok(otherBody[0] >= 400 && otherBody[0] <= 404, `${call.service}, another body: ${otherBody}`);
    }
  });

  await check('malformed bytes at the API are refused or closed, and it goes on', async () => {
    const texts = [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET http://127.0.0.1:4700/ HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00',
      '\0'.repeat(2000),
    ];
    for (const text of texts) {
      const said = await new Promise<string>((resolve) => {
        let all = '';
        const socket = connect(squib.config.api.port, '127.0.0.1', () => socket.end(text, 'latin1'));
        socket.on('data', (chunk) => {
          all += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(all));
        socket.setTimeout(5000, () => socket.destroy());
      });
      assert.doesNotMatch(said, /^HTTP\/1\.1 (2|5)/, text.slice(0, 40));
    }
    const [call] = calls;
    assert.equal((await ask(call!.path, 'GET', signed(call!)))[0], 200);
  });

  await check(
    'the endpoint answers nobody without a right token, and the MicroVM hears nothing of it',
    async () => {
      const token = await mint(squib, microvm.id);
      assert.equal((await send(squib, microvm.endpoint, '/', { 'x-aws-proxy-auth': token })).status, 200);
      const ours = await Tokens.open(squib.config.dataDir);
      const folder = mkdtempSync('/tmp/sqwalls-keys-');
      mkdirSync(join(folder, 'keys'));
      const strangers = await Tokens.open(folder);
      rmSync(folder, { recursive: true });
      const made = (tokens: Tokens, microvmId: string, forMs = minute) =>
        tokens.issue({ microvmId, kind: 'app', ports: 'all', expiresAt: Date.now() + forMs });
      const good = await made(ours, microvm.id);
      assert.equal((await send(squib, microvm.endpoint, '/', { 'x-aws-proxy-auth': good })).status, 200);
      const parts = token.split('.');
      const swapped = (index: number) => {
        const copy = [...parts];
        copy[index] = copy[index]!.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
        return copy.join('.');
      };
      const attempts: Record<string, Record<string, string>> = {
        none: {},
        empty: { 'x-aws-proxy-auth': '' },
        nonsense: { 'x-aws-proxy-auth': 'a.b.c.d.e' },
        long: { 'x-aws-proxy-auth': 'A'.repeat(15_000) },
        expired: { 'x-aws-proxy-auth': await made(ours, microvm.id, -minute) },
        'of another squib': { 'x-aws-proxy-auth': await made(strangers, microvm.id) },
        'of another MicroVM': {
          'x-aws-proxy-auth': await made(ours, 'microvm-00000000-0000-0000-0000-000000000000'),
        },
        'unsigned JWT': {
          'x-aws-proxy-auth': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: microvm.id })).toString('base64url')}.`,
        },
        'for another port': { 'x-aws-proxy-auth': await mint(squib, microvm.id, [{ port: 9000 }]) },
        'keys of the API': { authorization: `AWS4-HMAC-SHA256 Credential=${root.accessKeyId}/x` },
        ...Object.fromEntries(
          parts.flatMap((part, index) =>
            part ? [[`part ${index} changed`, { 'x-aws-proxy-auth': swapped(index) }]] : [],
          ),
        ),
      };
      const before = Number((await microvm.send('/count')).body);
      for (const [what, headers] of Object.entries(attempts)) {
        const { status, body } = await send(squib, microvm.endpoint, '/', headers);
        assert.ok(status >= 400 && status <= 431, `${what}: ${status} ${body}`);
        assert.notEqual(body, 'here', what);
      }
      assert.equal(Number((await microvm.send('/count')).body), before + 1);
    },
  );

  await check('another name at the endpoint’s address is nobody’s endpoint', async () => {
    const token = await mint(squib, microvm.id);
    const { hostname } = new URL(`https://${microvm.endpoint}`);
    for (const host of [
      'localhost',
      'evil.example',
      `x.${hostname}`,
      hostname.replace(/^./, 'z'),
      '127.0.0.1',
    ]) {
      const status = await new Promise<number>((resolve, reject) => {
        const outgoing = request(
          {
            ...{ host: '127.0.0.1', port: squib.config.endpoint.port, servername: hostname, ca: squib.ca },
            ...{ path: '/', agent: false, headers: { host, 'x-aws-proxy-auth': token } },
          },
          (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          },
        );
        outgoing.on('error', reject);
        outgoing.end();
      });
      assert.ok(status >= 400 && status < 500, `${host}: ${status}`);
    }
  });
}

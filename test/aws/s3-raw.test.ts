import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ObjectStore } from '../../src/store/object-store.ts';
import { CREDENTIAL, REGION, type Running, raw, start } from './harness.ts';
import { queryText, rawSigned, signedHeaders, signer } from './sign.ts';
import { signedChunks } from './signed-chunks.ts';

const code = (body: string) => /<Code>(\w+)<\/Code>/.exec(body)?.[1];

async function withBucket(t: Parameters<typeof start>[0]): Promise<Running> {
  const running = await start(t);
  running.store.createBucket('tests', REGION);
  return running;
}

describe('S3 on the wire', () => {
  for (const trailer of [false, true]) {
    test(`signed chunks, ${trailer ? 'with' : 'without'} a signed trailer`, async (t) => {
      const running = await withBucket(t);
      const chunks = [Buffer.alloc(70_000, 'a'), Buffer.from('\r\n0;chunk-signature='), Buffer.alloc(1, 'z')];
      const good = await signedChunks(running, chunks, trailer);
      assert.equal(good.status, 200, good.body);
      const md5 = createHash('md5').update(Buffer.concat(chunks)).digest('hex');
      assert.equal(good.headers.etag, `"${md5}"`);
      assert.equal(running.store.headObject('tests', 'chunked').size, 70_021);
      const changes: [string, (body: string) => string, string][] = [
        ['a byte', (body) => body.replace('aaa', 'aab'), 'SignatureDoesNotMatch'],
        [
          'the last signature',
          (body) => body.replace(/(0;chunk-signature=)[0-9a-f]{4}/g, '$1beef'),
          'SignatureDoesNotMatch',
        ],
        ['an unsigned chunk', (body) => body.replace(/;chunk-signature=\w+/, ''), 'SignatureDoesNotMatch'],
        ['a size', (body) => body.replace(/^11170/, '11171'), 'SignatureDoesNotMatch'],
        ['a nonsense size', (body) => body.replace(/^11170/, 'xyz'), 'IncompleteBody'],
        ['the end', (body) => body.slice(0, 60_000), 'IncompleteBody'],
      ];
      for (const [what, change, expected] of changes) {
        const bad = await signedChunks(running, chunks, trailer, change);
        assert.equal(code(bad.body), expected, what);
      }
      assert.equal(running.store.headObject('tests', 'chunked').etag, md5);
      assert.deepEqual(await readdir(join(running.dir, 's3', 'incoming')), []);
    });
  }

  test('presigned URLs put and get', async (t) => {
    const running = await withBucket(t);
    const presigned = async (method: string, path: string, query: Record<string, string> = {}) => {
      const headers = { host: `127.0.0.1:${running.port}`, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
      const request = {
        method,
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: running.port,
        path,
        query,
        headers,
      };
      const signed = await signer('s3').presign(request, { expiresIn: 60 });
      return `${path}${queryText(signed.query as Record<string, string>)}`;
    };
    const put = await raw(running, {
      method: 'PUT',
      path: await presigned('PUT', '/tests/p%20q'),
      body: 'hello',
    });
    assert.equal(put.status, 200, put.body);
    const target = await presigned('GET', '/tests/p%20q', { 'response-content-type': 'text/x' });
    const got = await raw(running, { path: target });
    assert.deepEqual([got.status, got.body, got.headers['content-type']], [200, 'hello', 'text/x']);
    const forged = await raw(running, { path: target.replace('p%20q', 'other') });
    assert.equal(code(forged.body), 'SignatureDoesNotMatch');
    const split = await presigned('GET', '/tests/p%20q', { 'response-content-type': 'a\r\nx: y' });
    assert.equal(code((await raw(running, { path: split })).body), 'InvalidArgument');
  });

  test('who may not come in', async (t) => {
    const running = await withBucket(t);
    const to = { path: '/tests', service: 's3' };
    const other = { ...CREDENTIAL, accessKeyId: 'AKIDNOBODY' };
    assert.equal(code((await rawSigned(running, { ...to, credential: other })).body), 'InvalidAccessKeyId');
    const wrong = { ...CREDENTIAL, secretAccessKey: 'x' };
    assert.equal(
      code((await rawSigned(running, { ...to, credential: wrong })).body),
      'SignatureDoesNotMatch',
    );
    const late = await rawSigned(running, { ...to, date: new Date(Date.now() - 16 * 60_000) });
    assert.equal(code(late.body), 'RequestTimeTooSkewed');
    const v2 = await raw(running, { path: '/tests/k?AWSAccessKeyId=a&Signature=b&Expires=1' });
    assert.match(v2.body, /AWS4-HMAC-SHA256/);
    const body = await signedHeaders(running.port, {
      ...to,
      method: 'PUT',
      path: '/tests/k',
      body: 'signed',
    });
    const swapped = await raw(running, { method: 'PUT', path: '/tests/k', headers: body, body: 'swappd' });
    assert.equal(code(swapped.body), 'XAmzContentSHA256Mismatch');
    assert.deepEqual(
      running.store.listObjects('tests', { prefix: '', delimiter: '', after: '', limit: 9 }).objects,
      [],
    );
  });

  test('XML that wants to hurt', async (t) => {
    const running = await withBucket(t);
    const bomb =
      '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>';
    for (const body of [
      bomb,
      '<Delete>',
      '',
      '<Other/>',
      '<Delete/>',
      '<Delete><Object/></Delete>',
      `${'<a>'.repeat(5000)}`,
    ]) {
      const answer = await rawSigned(running, {
        method: 'POST',
        path: '/tests',
        query: { delete: '' },
        service: 's3',
        body,
      });
      assert.equal(answer.status, 400, body.slice(0, 60));
      assert.equal(code(answer.body), 'MalformedXML', body.slice(0, 60));
    }
  });

  test('a client that goes away in the middle leaves nothing behind', async (t) => {
    const running = await withBucket(t);
    const headers = await signedHeaders(running.port, {
      method: 'PUT',
      path: '/tests/half',
      service: 's3',
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '1000000' },
    });
    const socket = connect(running.port, '127.0.0.1');
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`PUT /tests/half HTTP/1.1\r\n${head.join('')}\r\n${'x'.repeat(100_000)}`);
    const incoming = join(running.dir, 's3', 'incoming');
    for (let i = 0; i < 100 && (await readdir(incoming)).length === 0; i++) await delay(10);
    assert.equal((await readdir(incoming)).length, 1);
    socket.destroy();
    for (let i = 0; i < 200 && (await readdir(incoming)).length > 0; i++) await delay(10);
    assert.deepEqual(await readdir(incoming), []);
    assert.throws(() => running.store.headObject('tests', 'half'), { name: 'NoSuchKey' });
    assert.deepEqual(running.logged, []);
  });

  test('objects survive a restart, what a crash left is swept, a reader keeps what it reads', async (t) => {
    const running = await withBucket(t);
    const put = (key: string, text: string) =>
      running.store.putObject(
        'tests',
        key,
        (async function* () {
          yield Buffer.from(text);
        })(),
        { describe: () => ({ headers: {}, metadata: { m: text } }) },
      );
    await put('kept', 'old');
    const reader = running.store.openObject('tests', 'kept');
    await put('kept', 'new');
    assert.equal((await reader.stream().toArray()).join(''), 'old');
    const dir = join(running.dir, 's3');
    const shards = await readdir(join(dir, 'data'));
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(dir, 'data', shards[0]!, 'orphan'), 'x');
    await writeFile(join(dir, 'incoming', 'half'), 'x');
    const again = await ObjectStore.open(dir);
    t.after(() => again.close());
    const object = again.openObject('tests', 'kept');
    assert.deepEqual(object.info.attributes.metadata, { m: 'new' });
    assert.equal((await object.stream().toArray()).join(''), 'new');
    const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    assert.deepEqual(files.map((file) => file.name).filter((name) => !name.startsWith('index.db')).length, 1);
  });
});

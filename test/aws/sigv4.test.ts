import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseSignature } from '../../src/aws/sigv4/parse-signature.ts';
import { SignatureError } from '../../src/aws/sigv4/signature-error.ts';
import { SigningKeys } from '../../src/aws/sigv4/signing-key.ts';
import type { SignableRequest } from '../../src/aws/sigv4/types.ts';
import { verifySignature } from '../../src/aws/sigv4/verify.ts';
import { CREDENTIAL, REGION } from './harness.ts';
import { forSeeds, type Random } from './random.ts';
import { queryText, signer } from './sign.ts';

const NOW = Date.UTC(2026, 10, 22, 3, 4, 5);
const keys = new SigningKeys();

interface Made {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  payloadHash: string;
}

function signable({ method, path, query, headers }: Made): SignableRequest {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { method, path, query, header: (name) => lower.get(name), headerNames: [...lower.keys()] };
}

function verify(made: Made, service: string, now = NOW, credential = CREDENTIAL): string {
  try {
    const request = signable(made);
    const parameters = parseSignature(request);
    if (!parameters) return 'missing';
    const { payloadHash } = made;
    verifySignature(request, parameters, {
      credential,
      keys,
      now,
      skewSeconds: service === 's3' ? 900 : 300,
      service,
      payloadHash,
    });
    return 'ok';
  } catch (error) {
    if (error instanceof SignatureError) return error.problem;
    throw error;
  }
}

const segment = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** A random request, signed by the SDK's own signer. */
async function randomSigned(random: Random, service: string, presign = false): Promise<Made> {
  const method = random.pick(['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD']);
  const path = `/${Array.from({ length: 1 + random.int(4) }, () => segment(`x${random.text(12)}`)).join('/')}`;
  const query: Record<string, string | string[]> = {};
  for (let i = random.int(4); i > 0; i--) {
    query[`q${random.text(6)}`] = random.chance(30) ? [random.text(8), random.text(8)] : random.text(10);
  }
  const headers: Record<string, string> = { host: 'localhost:4700' };
  if (random.chance(50)) headers['x-amz-meta-thing'] = `  a   b ${random.int(10)}  `;
  if (random.chance(50)) headers['content-type'] = 'application/json';
  const body = random.bytes(40);
  const request = {
    method,
    protocol: 'http:',
    hostname: 'localhost',
    port: 4700,
    path,
    query,
    headers,
    body,
  };
  const options = { signingDate: new Date(NOW) };
  if (presign) {
    if (service === 's3') headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
    const signed = await signer(service).presign(
      { ...request, body: undefined },
      { ...options, expiresIn: 600 },
    );
    const text = queryText(signed.query as Record<string, string>).slice(1);
    const payloadHash = service === 's3' ? 'UNSIGNED-PAYLOAD' : createHash('sha256').digest('hex');
    return { method, path, query: text, headers: signed.headers, payloadHash };
  }
  const signed = await signer(service).sign(request, options);
  const payloadHash = createHash('sha256').update(body).digest('hex');
  return { method, path, query: queryText(query).slice(1), headers: signed.headers, payloadHash };
}

describe('Signature V4 against the SDK’s signer', () => {
  for (const service of ['lambda', 's3', 'sts']) {
    test(`${service}: every signed request is accepted, every change to it is not`, async () => {
      await forSeeds(150, async (random) => {
        const made = await randomSigned(random, service);
        assert.equal(verify(made, service), 'ok', JSON.stringify(made));
        const changed: Made[] = [
          { ...made, method: made.method === 'GET' ? 'PUT' : 'GET' },
          { ...made, path: `${made.path}x` },
          { ...made, query: made.query === '' ? 'a=1' : `${made.query}&a=1` },
          { ...made, payloadHash: createHash('sha256').update('other').digest('hex') },
          { ...made, headers: { ...made.headers, host: 'elsewhere' } },
        ];
        for (const other of changed) assert.equal(verify(other, service), 'mismatch', JSON.stringify(other));
        const flipped = made.headers.authorization!.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
        assert.equal(
          verify({ ...made, headers: { ...made.headers, authorization: flipped } }, service),
          'mismatch',
        );
        const smuggled = { ...made, headers: { ...made.headers, 'x-amz-target': 'x' } };
        assert.equal(verify(smuggled, service), 'unsignedHeaders');
        assert.equal(verify(made, service, NOW, { ...CREDENTIAL, secretAccessKey: 'other' }), 'mismatch');
      });
    });
  }

  test('presigned URLs: accepted until they expire, never when changed', async () => {
    await forSeeds(60, async (random) => {
      const service = random.pick(['s3', 'lambda']);
      const made = await randomSigned(random, service, true);
      assert.equal(verify(made, service), 'ok', JSON.stringify(made));
      assert.equal(verify(made, service, NOW + 599_000), 'ok');
      assert.equal(verify(made, service, NOW + 601_000), 'expired');
      assert.equal(verify({ ...made, path: `${made.path}x` }, service), 'mismatch');
      const longer = { ...made, query: made.query.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000') };
      assert.equal(verify(longer, service), 'mismatch');
    });
  });

  test('clock skew: five minutes, fifteen for S3', async () => {
    await forSeeds(3, async (random) => {
      for (const [service, minutes] of [
        ['lambda', 5],
        ['s3', 15],
      ] as const) {
        const made = await randomSigned(random, service);
        for (const sign of [-1, 1]) {
          assert.equal(verify(made, service, NOW + sign * (minutes * 60_000 - 1000)), 'ok');
          assert.equal(verify(made, service, NOW + sign * (minutes * 60_000 + 1000)), 'skewed');
        }
      }
    });
  });

  test('session tokens: needed, compared, expiring', async () => {
    const session = { ...CREDENTIAL, sessionToken: 'token/+=', expiresAt: NOW + 1000 };
    const headers = { host: 'localhost' };
    const request = {
      method: 'GET',
      protocol: 'http:',
      hostname: 'localhost',
      path: '/',
      query: {},
      headers,
    };
    const sign = async (credential: typeof session | typeof CREDENTIAL): Promise<Made> => {
      const signed = await signer('lambda', credential).sign(request, { signingDate: new Date(NOW) });
      return {
        method: 'GET',
        path: '/',
        query: '',
        headers: signed.headers,
        payloadHash: createHash('sha256').digest('hex'),
      };
    };
    assert.equal(verify(await sign(session), 'lambda', NOW, session), 'ok');
    assert.equal(verify(await sign(session), 'lambda', NOW + 1000, session), 'expiredToken');
    assert.equal(verify(await sign(CREDENTIAL), 'lambda', NOW, session), 'badToken');
    assert.equal(verify(await sign({ ...session, sessionToken: 'x' }), 'lambda', NOW, session), 'badToken');
    assert.equal(verify(await sign(session), 'lambda', NOW, CREDENTIAL), 'badToken');
  });

  test('scopes of other services, days and terminators', async () => {
    await forSeeds(5, async (random) => {
      const made = await randomSigned(random, 'lambda');
      assert.equal(verify(made, 's3'), 'wrongScope');
      const edit = (from: string, to: string) =>
        verify(
          {
            ...made,
            headers: { ...made.headers, authorization: made.headers.authorization!.replace(from, to) },
          },
          'lambda',
        );
      assert.equal(edit('20261122', '20261121'), 'wrongScope');
      assert.equal(edit('aws4_request', 'aws4_other'), 'wrongScope');
      assert.equal(edit(REGION, 'eu-other-1'), 'mismatch');
      assert.equal(edit('host;', ''), 'unsignedHeaders');
      assert.equal(edit('SignedHeaders', 'Signed'), 'incomplete');
      assert.equal(edit('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 'unsupported');
    });
  });

  test('a replaced secret does not live on in the cache of keys', async () => {
    await forSeeds(1, async (random) => {
      const made = await randomSigned(random, 'lambda');
      assert.equal(verify(made, 'lambda'), 'ok');
      assert.equal(verify(made, 'lambda', NOW, { ...CREDENTIAL, secretAccessKey: 'rotated' }), 'mismatch');
      assert.equal(verify(made, 'lambda'), 'ok');
    });
  });
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ensureCertificates } from '../../src/setup/certificates.ts';

describe('local certificates', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'squib-certs-'));
  const keys = join(dataDir, 'keys');
  const order = { region: 'us-east-1', domain: 'localhost' };
  after(() => rmSync(dataDir, { recursive: true, force: true }));
  const read = (name: string) => new X509Certificate(readFileSync(join(keys, name)));

  test('an authority and a wildcard, for their owner only', async () => {
    const { certFile, keyFile, caFile } = await ensureCertificates(dataDir, order);
    assert.deepEqual(readdirSync(keys).sort(), ['ca.key', 'ca.pem', 'tls.key', 'tls.pem']);
    for (const file of [certFile, keyFile, caFile]) assert.equal(statSync(file).mode & 0o777, 0o600);
    const [ca, leaf] = [read('ca.pem'), read('tls.pem')];
    assert.ok(ca.ca && !leaf.ca);
    assert.ok(leaf.verify(ca.publicKey));
    assert.ok(leaf.checkHost('b5a1b8a2-0000-4000-8000-000000000000.lambda-microvm.us-east-1.localhost'));
    assert.ok(leaf.checkHost('localhost'));
    // BoringSSL, in gRPC's clients, could not verify it under this authority's constraints.
    assert.equal(leaf.subjectAltName?.includes('IP Address'), false);
    assert.equal(leaf.checkHost('example.com'), undefined);
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    const days = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / 86_400_000;
    assert.ok(days <= 397);
  });

  test('are kept, also for another order of the same names', async () => {
    const before = read('tls.pem').serialNumber;
    await ensureCertificates(dataDir, order);
    assert.equal(read('tls.pem').serialNumber, before);
  });

  test('another region or name makes a new leaf under the same authority', async () => {
    const ca = read('ca.pem').serialNumber;
    await ensureCertificates(dataDir, {
      ...order,
      region: 'eu-west-1',
      extraNames: ['192.0.2.1', 'api.localhost'],
    });
    assert.equal(read('ca.pem').serialNumber, ca);
    assert.ok(read('tls.pem').checkHost('x.lambda-microvm.eu-west-1.localhost'));
    assert.ok(read('tls.pem').checkIP('192.0.2.1') && read('tls.pem').checkHost('api.localhost'));
  });

  test('another domain makes a new authority', async () => {
    const ca = read('ca.pem').serialNumber;
    await ensureCertificates(dataDir, { ...order, domain: 'vm.example.com' });
    assert.notEqual(read('ca.pem').serialNumber, ca);
    assert.ok(read('tls.pem').checkHost('x.lambda-microvm.us-east-1.vm.example.com'));
    assert.ok(read('tls.pem').verify(read('ca.pem').publicKey));
  });

  test('a key without its certificate, as a crash leaves it, is made again', async () => {
    for (const name of ['tls.key', 'ca.key']) {
      const other = mkdtempSync(join(tmpdir(), 'squib-certs-'));
      await ensureCertificates(other, order);
      writeFileSync(join(keys, name), readFileSync(join(other, 'keys', name)), { mode: 0o600 });
      rmSync(other, { recursive: true });
      const { current } = await ensureCertificates(dataDir, order);
      const { cert, key } = await current();
      const { createPrivateKey } = await import('node:crypto');
      assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
      assert.ok(new X509Certificate(cert).verify(read('ca.pem').publicKey));
    }
  });
});

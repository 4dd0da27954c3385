import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { dataLayout } from '../../src/config/layout.ts';
import { clientEnvironment } from '../../src/daemon/client-environment.ts';
import { ensureRootCredential } from '../../src/daemon/credentials.ts';
import { ensureCertificates } from '../../src/setup/certificates.ts';

test('who reads the bundle of authorities while `squib env` writes it gets all of it', async (t) => {
  const dataDir = mkdtempSync('/tmp/squib-env-');
  t.after(() => rmSync(dataDir, { recursive: true }));
  const config = { ...readConfig(), dataDir, cacheDir: join(dataDir, 'cache') };
  const layout = dataLayout(dataDir);
  await ensureCertificates(dataDir, { region: config.region, domain: 'localhost' });
  ensureRootCredential(layout.keys);
  const bundle = clientEnvironment(config, layout).SSL_CERT_FILE ?? '';
  const whole = readFileSync(bundle, 'utf8');
  assert.ok(whole.endsWith(readFileSync(join(layout.keys, 'ca.pem'), 'utf8')));

  const { ino } = statSync(bundle);
  clientEnvironment(config, layout);
  assert.equal(statSync(bundle).ino, ino, 'the same bundle is not written again');

  const older = `an older bundle of the system\n${whole}`;
  writeFileSync(bundle, older);
  const reader = openSync(bundle, 'r');
  t.after(() => closeSync(reader));
  clientEnvironment(config, layout);
  assert.equal(readFileSync(bundle, 'utf8'), whole);
  assert.equal(readFileSync(reader, 'utf8'), older);
});

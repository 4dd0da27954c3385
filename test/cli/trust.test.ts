import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const squib = fileURLToPath(new URL('../../bin/squib', import.meta.url));

test('trust puts an authority into the system’s store, and takes it out again', (t) => {
  const folder = mkdtempSync('/tmp/squib-trust-');
  t.after(() => rmSync(folder, { recursive: true }));
  const ca = join(folder, 'ca.pem');
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=squib test'];
  execFileSync('openssl', [...request, '-keyout', join(folder, 'key.pem'), '-out', ca], { stdio: 'ignore' });
  // In mounts of its own: this machine goes on trusting what it trusts.
  const script = `set -e
mount -t tmpfs none /usr/local/share/ca-certificates
cp -a /etc/ssl/certs ${folder}/certs
mount --bind ${folder}/certs /etc/ssl/certs
verify() { openssl verify -CApath /etc/ssl/certs ${ca} >/dev/null 2>&1 && echo trusted || echo not trusted; }
verify
${squib} trust ${ca}; verify
${squib} trust ${ca} --remove; verify
${squib} trust ${ca} --remove
${squib} trust ${folder}/key.pem || echo "code $?"`;
  const { stdout, stderr, status } = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const place = '/usr/local/share/ca-certificates/squib-[0-9A-F]{12}\\.crt';
  const said = [
    'not trusted',
    `This machine trusts the authority of squib now: ${place}`,
    'trusted',
    `${place} was removed\\.`,
    'not trusted',
    'It was not trusted\\.',
    'code 1',
  ];
  assert.match(stdout, new RegExp(`^${said.join('\n')}\n$`));
  assert.match(stderr, /key\.pem is no certificate\.\n {7}It must be in PEM form\./);
});

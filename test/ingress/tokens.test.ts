import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { TokenKeys } from '../../src/ingress/token-keys.ts';
import { allowsPort, Tokens } from '../../src/ingress/tokens.ts';

describe('auth tokens (spec: networking-and-proxy 2.1)', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'squib-tokens-'));
  const file = join(dataDir, 'keys', 'token-keys.json');
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  const microvmId = 'microvm-5b0e2f3a-7c11-4c0e-9d6a-2f40a1b2c3d4';
  const expiresAt = Date.now() + 60_000;
  const range = (startPort: number, endPort = startPort) => ({ startPort, endPort });

  test('form and length', async () => {
    const tokens = await Tokens.open(dataDir);
    const fifty = Array.from({ length: 50 }, (_, at) => range(10_000 + at * 3));
    for (const ports of [
      [range(8080)],
      [range(8000, 9000)],
      Array.from({ length: 10 }, (_, at) => range(at * 7 + 1)),
      fifty,
    ]) {
      const token = await tokens.issue({ microvmId, kind: 'app', ports, expiresAt });
      assert.equal(token.length, 823);
      const parts = token.split('.');
      assert.equal(parts.length, 5);
      assert.equal(parts[1], '');
      assert.deepEqual([parts[2]!.length, parts[4]!.length], [16, 22]);
      assert.match(
        Buffer.from(parts[0]!, 'base64url').toString(),
        /^\{"kid":"[0-9a-f-]{36}","alg":"dir","enc":"A256GCM"\}$/,
      );
      assert.match(token, /^[\w.-]+$/);
      const claims = await tokens.read(token);
      assert.ok(typeof claims === 'object');
      assert.ok(ports.every((one) => allowsPort(claims.ports, one.startPort)));
      assert.ok(!allowsPort(claims.ports, 65_535));
    }
    for (const kind of ['app', 'shell'] as const) {
      const token = await tokens.issue({ microvmId, kind, ports: kind === 'app' ? 'all' : [], expiresAt });
      assert.equal(token.length, 767);
      assert.deepEqual(await tokens.read(token), {
        microvmId,
        kind,
        ports: kind === 'app' ? 'all' : [],
        expiresAt,
      });
    }
  });

  test('ranges are inclusive, and neighbours are joined', async () => {
    const tokens = await Tokens.open(dataDir);
    const ports = [range(9001, 65_535), range(8000, 9000), range(1)];
    const claims = await tokens.read(await tokens.issue({ microvmId, kind: 'app', ports, expiresAt }));
    assert.ok(typeof claims === 'object');
    assert.deepEqual(claims.ports, [range(1), range(8000, 65_535)]);
    for (const [port, allowed] of [
      [1, true],
      [2, false],
      [7999, false],
      [8000, true],
      [65_535, true],
    ] as const) {
      assert.equal(allowsPort(claims.ports, port), allowed);
    }
  });

  test('a token survives a restart; the key file is for its owner only', async () => {
    const token = await (await Tokens.open(dataDir)).issue({
      microvmId,
      kind: 'app',
      ports: 'all',
      expiresAt,
    });
    assert.equal(typeof (await (await Tokens.open(dataDir)).read(token)), 'object');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('a new key every day, the old one until its tokens are dead', async () => {
    let now = Date.now();
    const keys = await TokenKeys.open(join(dataDir, 'rotation.json'), () => now);
    const tokens = new Tokens(keys);
    const token = await tokens.issue({
      microvmId,
      kind: 'app',
      ports: 'all',
      expiresAt: now + 100 * 3_600_000,
    });
    const first = await keys.current();
    now += 25 * 3_600_000;
    const [second, same] = await Promise.all([keys.current(), keys.current()]);
    assert.notEqual(second.kid, first.kid);
    assert.equal(second, same);
    assert.equal(typeof (await tokens.read(token)), 'object');
    now += 25 * 3_600_000;
    await keys.current();
    assert.equal(keys.find(first.kid), undefined);
    assert.ok(!readFileSync(join(dataDir, 'rotation.json'), 'utf8').includes(first.kid));
  });

  test('every single change of a token makes it worthless', async () => {
    const tokens = await Tokens.open(dataDir);
    const token = await tokens.issue({ microvmId, kind: 'app', ports: 'all', expiresAt });
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === '.') continue;
      const changed = `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`;
      assert.equal(typeof (await tokens.read(changed)), 'string', `at ${at}`);
    }
  });

  test('a damaged key file is said so', async () => {
    const { writeFileSync } = await import('node:fs');
    const broken = join(dataDir, 'broken.json');
    writeFileSync(broken, '{');
    await assert.rejects(TokenKeys.open(broken), /cannot be read/);
  });
});

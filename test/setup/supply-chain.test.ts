import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { ensureKernel } from '../../src/setup/kernel.ts';
import { ensureRuntimeTree } from '../../src/setup/runtime-tree.ts';

const { cacheDir } = readConfig();
const top = join(import.meta.dirname, '../..');

describe('the bill of materials', () => {
  const bom = JSON.parse(
    execFileSync(process.execPath, [join(top, 'scripts/sbom.ts')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const components = bom.components as { name: string; version: string; purl: string; 'bom-ref': string }[];

  test('names every npm package of a release in its version, and Debian’s of the runtime tree', () => {
    assert.equal(bom.bomFormat, 'CycloneDX');
    const lock = JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8'));
    const packages = Object.entries(lock.packages as Record<string, { dev?: boolean; version: string }>);
    const wanted = packages.flatMap(([path, { dev, version }]) =>
      path === '' || dev ? [] : [`${path.replace(/^.*node_modules\//, '')}@${version}`],
    );
    const there = new Set(components.map(({ name, version }) => `${name}@${version}`));
    for (const each of wanted) assert.ok(there.has(each) || isOptional(packages, each), each);
    for (const name of ['qemu-system-x86', 'buildah', 'skopeo', 'nftables', 'libc6']) {
      const found = components.find((each) => each.name === name);
      assert.match(found?.purl ?? '', /^pkg:deb\/debian\/.*distro=debian-13$/, name);
    }
    assert.ok(components.some(({ name }) => /^linux-image-6.*-cloud-amd64$/.test(name)));
  });

  test('every component has a reference of its own', () => {
    const references = components.map((each) => each['bom-ref']);
    assert.equal(new Set(references).size, references.length);
  });

  /** npm leaves out of its list what does not fit the machine it runs on. */
  function isOptional(packages: [string, { optional?: boolean; version: string }][], name: string): boolean {
    return packages.some(
      ([path, each]) => each.optional && name === `${path.replace(/^.*node_modules\//, '')}@${each.version}`,
    );
  }
});

describe('downloads from Debian', () => {
  let proxy: Server;
  let folder: string;
  let tampered: string[] = [];
  let tamper: RegExp;
  const proxyBefore = process.env.http_proxy;

  before(async () => {
    folder = mkdtempSync('/tmp/sq-supply-');
    // Between apt and the mirror: changes one byte of what matches.
    proxy = createServer((request, response) => {
      fetch(request.url ?? '')
        .then(async (answer) => {
          const body = Buffer.from(await answer.arrayBuffer());
          if (answer.ok && tamper.test(request.url ?? '')) {
            tampered.push(request.url ?? '');
            const at = Math.floor(body.length / 2);
            body[at] = body[at]! ^ 1;
          }
          response.writeHead(answer.status, { 'content-length': body.length }).end(body);
        })
        .catch(() => response.destroy());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    process.env.http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(() => {
    if (proxyBefore === undefined) delete process.env.http_proxy;
    else process.env.http_proxy = proxyBefore;
    proxy?.close();
    proxy?.closeAllConnections();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test('a runtime tree whose list of packages is not what Debian signed is not made', async () => {
    [tamper, tampered] = [/InRelease$/, []];
    const cache = join(folder, 'tree');
    await assert.rejects(
      ensureRuntimeTree(cache, () => {}),
      /mmdebstrap failed/,
    );
    assert.ok(tampered.length > 0);
    assert.ok(!existsSync(join(cache, 'runtime')));
  });

  test('a kernel that is not what Debian signed is not taken', async () => {
    [tamper, tampered] = [/\/linux-image-[^/]*\.deb$/, []];
    for (const part of ['runtime', 'bin']) symlinkSync(join(cacheDir, part), join(folder, part));
    await assert.rejects(
      ensureKernel(folder, () => {}),
      /[Hh]ash|unexpected|mismatch/i,
    );
    assert.ok(tampered.length > 0);
    assert.ok(!existsSync(join(folder, 'kernel')));
  });
});

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createImageBuilder } from '../../src/host/builder/image-builder.ts';
import { createLog } from '../../src/log/log.ts';
import { cacheDir } from './lab/lab.ts';
import { makeLayout } from './lab/layout.ts';
import { startRegistry, type TestRegistry } from './lab/registry.ts';
import { writeZip } from './lab/zip.ts';

const password = 'open-sesame-4711';
const program = new URL('../../src/cli/main.ts', import.meta.url).pathname;

describe('base images', () => {
  const dir = mkdtempSync('/tmp/sq-base-');
  const cache = join(dir, 'cache');
  const layout = join(dir, 'layout');
  const log: string[] = [];
  let registry: TestRegistry;
  let count = 0;

  before(async () => {
    mkdirSync(cache);
    symlinkSync(join(cacheDir, 'runtime'), join(cache, 'runtime'));
    await makeLayout(layout);
    registry = await startRegistry({
      ...{ layout, repository: 'team/app' },
      credentials: { username: 'robot', password },
    });
    writeFileSync(join(dir, 'password'), `${password}\n`, { mode: 0o600 });
  });
  after(() => {
    registry.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const registries = () => ({ [registry.host]: { username: 'robot', passwordFile: join(dir, 'password') } });

  async function build(dockerfile: string, settings: { withPassword?: boolean } = {}) {
    const workDir = join(dir, `build-${count++}`);
    mkdirSync(workDir);
    await writeZip(`${workDir}.zip`, { Dockerfile: dockerfile });
    const builder = createImageBuilder({
      ...{ cacheDir: cache, mirrors: {}, log: createLog((line) => log.push(line)) },
      ...(settings.withPassword !== false && { registries: registries() }),
    });
    const lines: string[] = [];
    const order = { id: 'x', zipPath: `${workDir}.zip`, workDir, diskBytes: 2 ** 28 };
    const { signal } = new AbortController();
    const outcome = await builder
      .build({ ...order, signal, onLog: (line) => lines.push(line), cacheKey: 'base-images-test' })
      .then(
        (image) => image.container.env.VERSION,
        (error: Error) => error.message,
      );
    return { outcome, text: lines.join('\n') };
  }

  /** Not synchronously: the registry answers in this process. */
  function squib(...args: string[]): Promise<{ out: string; status: number }> {
    const config = join(dir, 'config.json');
    writeFileSync(config, JSON.stringify({ cacheDir: cache, registries: registries() }));
    return new Promise((resolve) => {
      const all = [program, ...args, '--config', config];
      const env = { ...process.env, SQUIB_CACHE_DIR: cache }; // else whoever runs the tests may have set another
      execFile(process.execPath, all, { timeout: 60_000, env }, (error, stdout, stderr) =>
        resolve({ out: stdout + stderr, status: error ? 1 : 0 }),
      );
    });
  }

  test('a private registry without credentials says how to give them', async () => {
    const { outcome, text } = await build(`FROM ${registry.host}/team/app:one\n`, { withPassword: false });
    assert.equal(outcome, 'The container image build failed.');
    assert.match(text, /cannot be fetched from .*(authentication required|unauthorized|401)/i);
    assert.match(text, /setting 'registries'/);
  });

  test('a private registry with credentials, which appear in no log', async () => {
    const { outcome, text } = await build(`FROM ${registry.host}/team/app:one\n`);
    assert.equal(outcome, '1', text);
    assert.ok(!text.includes(password) && !log.join('\n').includes(password));
  });

  test('is fetched once, and again when it is refreshed', async () => {
    const before = registry.requests.length;
    registry.retag('one', 'two');
    assert.equal((await build(`FROM ${registry.host}/team/app:one\n`)).outcome, '1');
    assert.equal(registry.requests.length, before);
    const { out, status } = await squib('base', 'refresh', `${registry.host}/team/app:one`);
    assert.equal(status, 0, out);
    assert.ok(out.includes(registry.digest('two')), out);
    assert.equal((await build(`FROM ${registry.host}/team/app:one\n`)).outcome, '2');
  });

  test('by digest', async () => {
    const digest = registry.digest('two');
    assert.equal((await build(`FROM ${registry.host}/team/app@${digest}\n`)).outcome, '2');
    const other = `sha256:${'0'.repeat(64)}`;
    assert.match((await build(`FROM ${registry.host}/team/app@${other}\n`)).text, /manifest unknown/i);
  });

  test('a registry that sends other bytes than the digest says is not believed', async () => {
    const liar = await startRegistry({ layout, repository: 'team/app', spoil: (digest) => digest !== '' });
    try {
      const { outcome, text } = await build(`FROM ${liar.host}/team/app@${registry.digest('two')}\n`);
      assert.equal(outcome, 'The container image build failed.');
      assert.match(text, /digest/i);
    } finally {
      liar.close();
    }
  });

  test('import, list, remove', async () => {
    const imported = await squib('base', 'import', `${layout}:two`, '--as', 'corp.example/base:7');
    assert.equal(imported.status, 0, imported.out);
    const { outcome, text } = await build('FROM corp.example/base:7\n');
    assert.equal(outcome, '2', text);
    const archive = join(dir, 'image.tar');
    const one = join(dir, 'one');
    await makeLayout(one, ['one']);
    spawnSync('tar', ['-C', one, '-cf', archive, '.']);
    assert.equal((await squib('base', 'import', archive, '--as', 'corp.example/base:8')).status, 0);
    assert.equal((await build('FROM corp.example/base:8\n')).outcome, '1');

    const list = (await squib('base', 'list')).out;
    assert.match(list, /^corp\.example\/base:7 +sha256:\w+ +\d+ MB +\S+ \S+ +oci:\/tmp/m);
    assert.equal((await squib('base', 'remove', 'corp.example/base:7')).status, 0);
    assert.doesNotMatch((await squib('base', 'list')).out, /base:7/);
    assert.match((await squib('base', 'remove', 'corp.example/base:7')).out, /There is no base image/);
    assert.match((await squib('base', 'import', '/nowhere', '--as', 'x')).out, /There is no file or folder/);
  });

  test('squib prune frees layers and replaced images; builds work on', async () => {
    assert.ok(readdirSync(join(cache, 'builder')).length > 0);
    const { out, status } = await squib('prune');
    assert.equal(status, 0, out);
    assert.deepEqual(readdirSync(join(cache, 'builder')), []);
    assert.match(out, /replaced: [01] removed/);
    assert.equal((await build('FROM corp.example/base:8\n')).outcome, '1');
  });

  test('a copied layout with a changed blob is refused', async () => {
    const spoiled = join(dir, 'spoiled');
    await makeLayout(spoiled, ['one'], 'other');
    const blobs = join(spoiled, 'blobs', 'sha256');
    const layer = readdirSync(blobs).find((name) => readFileSync(join(blobs, name))[0] === 0x1f)!;
    writeFileSync(join(blobs, layer), gzipSync('other'));
    const { out, status } = await squib('base', 'import', `${spoiled}:one`, '--as', 'corp.example/spoiled:1');
    assert.notEqual(status, 0);
    assert.match(out, /cannot be fetched/);
  });
});

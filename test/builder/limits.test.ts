import assert from 'node:assert/strict';

import { mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createImageBuilder, type ImageBuilder } from '../../src/host/builder/image-builder.ts';
import { LayerCache } from '../../src/host/builder/layer-cache.ts';
import { createLog } from '../../src/log/log.ts';
import { ensureStandInImages } from '../../src/setup/stand-in-images.ts';
import { cacheDir } from './lab/lab.ts';
import { writeZip } from './lab/zip.ts';

describe('limits and cache of builds', () => {
  let dir: string;
  let builder: ImageBuilder;
  let count = 0;

  before(async () => {
    dir = await mkdtemp('/tmp/sq-limits-');
    await symlink(join(cacheDir, 'runtime'), join(dir, 'runtime'));
    await symlink(join(cacheDir, 'base-images'), join(dir, 'base-images'));
    await symlink(join(cacheDir, 'base-image-records'), join(dir, 'base-image-records'));
    const mirrors = await ensureStandInImages(cacheDir, () => {});
    builder = createImageBuilder({ cacheDir: dir, mirrors, log: createLog(() => {}) });
  });
  after(() => rm(dir, { recursive: true, force: true }));

  async function build(
    lines: string[],
    options: { key?: string; memoryBytes?: number; diskBytes?: number; timeoutMs?: number } = {},
  ) {
    const workDir = join(dir, `build-${count++}`);
    await mkdir(workDir);
    const zipPath = `${workDir}.zip`;
    await writeZip(zipPath, { Dockerfile: ['FROM python:3.13-slim', ...lines, ''].join('\n') });
    const log: string[] = [];
    const { key, memoryBytes, timeoutMs, diskBytes = 2 ** 30 } = options;
    const outcome = await builder
      .build({
        ...{ id: 'x', zipPath, workDir, diskBytes },
        ...(key !== undefined && { cacheKey: key }),
        ...(memoryBytes !== undefined && { memoryBytes }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        signal: new AbortController().signal,
        onLog: (line) => log.push(line),
      })
      .then(
        () => 'built',
        (error: Error) => error.message,
      );
    return { outcome, log: log.join('\n') };
  }

  test('a step that wants more memory than there is ends, and nothing else does', async () => {
    const lines = ['RUN python3 -c "b = bytearray(700 << 20); print(len(b))"'];
    const { outcome, log } = await build(lines, { memoryBytes: 256 * 2 ** 20 });
    assert.equal(outcome, 'The container image build failed.');
    assert.match(log, /Killed|exit code: 137|MemoryError/);
    assert.equal((await build(lines)).outcome, 'built');
  });

  test('a build that takes too long is ended, and says so', async () => {
    const { outcome, log } = await build(['RUN echo begun && sleep 3600'], { timeoutMs: 3_000 });
    assert.equal(outcome, 'The container image build failed.');
    assert.match(log, /^ERROR: the build took too long$/m);
  });

  test('a step that forks without end is held by the limit of processes', async () => {
    const script = 'import os, signal\\nfor _ in range(5000): os.fork() or signal.pause()';
    const { outcome, log } = await build([`RUN printf '${script}' > /forks.py && exec python3 /forks.py`]);
    assert.equal(outcome, 'The container image build failed.', log.slice(-500));
    assert.match(log, /Resource temporarily unavailable/);
  });

  test('layers are used by the image that made them, and by no other', async () => {
    const lines = [
      'RUN --mount=type=cache,target=/c echo mark >> /c/marks; wc -l < /c/marks',
      'RUN echo done',
    ];
    assert.doesNotMatch((await build(lines, { key: 'one' })).log, /CACHED/);
    assert.match((await build(lines, { key: 'one' })).log, /CACHED.*CACHED/s);
    const other = await build(lines, { key: 'other' });
    assert.doesNotMatch(other.log, /CACHED/);
    assert.match(other.log, / 1$/m);
    const changed = await build([lines[0]!.replace('mark ', 'MARK '), lines[1]!], { key: 'one' });
    assert.match(changed.log, / 2$/m);
  });

  test('a failed build keeps the layers of the steps before', async () => {
    assert.notEqual((await build(['RUN echo first', 'RUN exit 1'], { key: 'fails' })).outcome, 'built');
    assert.match((await build(['RUN echo first', 'RUN true'], { key: 'fails' })).log, /CACHED/);
  });

  test('a disk that earlier layers have filled is begun afresh', async () => {
    const fill = (letter: string) => [`RUN dd if=/dev/urandom of=/${letter} bs=1M count=200 status=none`];
    const options = { key: 'full', diskBytes: 400 * 2 ** 20 };
    for (const letter of ['a', 'b', 'c']) {
      const { outcome, log } = await build(fill(letter), options);
      assert.equal(outcome, 'built', log);
    }
  });

  test('the cache keeps its size: what was used longest ago goes first', async () => {
    const cache = new LayerCache(dir, 0);
    const before = await cache.list();
    assert.ok(before.length >= 4);
    const freed = await cache.shrink(before[0]!.bytes);
    assert.ok(freed > 0);
    assert.deepEqual(
      (await cache.list()).map(({ path }) => path),
      [before[0]!.path],
    );
    assert.ok((await stat(before[0]!.path)).size > 0);
  });
});

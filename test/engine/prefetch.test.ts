import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../src/engine/engine.ts';
import { createLog } from '../../src/log/log.ts';
import { wake } from './fixture/guest.ts';
import { CACHE, type Ground, makeEngine, makeGround, nextOrder } from './fixture/snapshot.ts';

describe('pages that a clone has touched', () => {
  let ground: Ground;
  let memory: string;
  let tool: string;
  let touched = 0;

  before(async () => {
    ground = await makeGround();
    memory = join(ground.snapshotDir, 'memory');
    tool = join(ground.folder, 'page-cache');
    execFileSync('gcc', ['-O1', '-o', tool, join(import.meta.dirname, 'fixture/page-cache.c')]);
  });
  after(() => ground?.remove());

  const cached = () => Number(execFileSync(tool, ['count', memory], { encoding: 'utf8' }));

  test('are kept beside the snapshot, which stays as it is', async () => {
    const machine = await ground.engine.restore(nextOrder(ground));
    try {
      const guest = await wake(machine);
      await guest.ask('count');
      touched = await ground.engine.recordTouched(machine);
    } finally {
      await machine.kill();
    }
    const file = join(ground.snapshotDir, 'touched.json');
    assert.equal(statSync(file).mode & 0o777, 0o444);
    const runs = JSON.parse(readFileSync(file, 'utf8')) as [number, number][];
    const pages = statSync(memory).size / 4096;
    let end = -1;
    for (const [first, count] of runs) {
      assert.ok(first > end && count > 0, 'in order, none twice');
      end = first + count;
    }
    assert.ok(end <= pages);
    assert.equal(touched, 4096 * runs.reduce((sum, [, count]) => sum + count, 0));
    assert.ok(touched > 2 ** 20 && touched < statSync(memory).size / 2, `${touched} bytes`);
  });

  test('are read ahead by the first machine that a later squib starts', async () => {
    execFileSync(tool, ['drop', memory]);
    const before = cached();
    assert.ok(before < touched / 2, `${before} bytes are still cached`);
    const engine = await makeEngine();
    const first = await engine.restore(nextOrder(ground)); // paused: nothing in it asks for pages
    try {
      for (const end = Date.now() + 120_000; cached() < touched; await sleep(20)) {
        assert.ok(Date.now() < end, `${cached()} of ${touched} bytes were read`);
      }
    } finally {
      await first.kill();
    }
  });

  test('that cannot be read keep no machine from starting; a snapshot in use is not read again', async () => {
    const file = join(ground.snapshotDir, 'touched.json');
    rmSync(file);
    writeFileSync(file, 'no JSON');
    const lines: string[] = [];
    const log = createLog((line) => lines.push(line));
    const engine = await createEngine({ cacheDir: CACHE, accelerator: 'tcg', log });
    const complaints = () => lines.filter((line) => line.includes('snapshot.prefetch')).length;
    await (await engine.restore(nextOrder(ground))).kill();
    for (const end = Date.now() + 120_000; complaints() === 0; await sleep(20)) assert.ok(Date.now() < end);
    await (await engine.restore(nextOrder(ground))).kill();
    assert.equal(complaints(), 1);
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createLab, eventually, hostTraces, type Lab, noteSlots } from './lab/lab.ts';
import { writeZip } from './lab/zip.ts';

const files = {
  Dockerfile: `FROM public.ecr.aws/lambda/microvms:al2023-minimal
RUN echo busy; (setsid sleep 301 &); trap '' TERM; sleep 300`,
};

const gone = (lab: Lab) =>
  eventually(
    () => hostTraces(lab.dir),
    (traces) => traces.length === 0,
  );

describe('after a build that did not end by itself', () => {
  let lab: Lab;
  before(async () => {
    lab = await createLab();
  });
  after(() => lab.remove());

  test('abort in the middle of a step leaves nothing', async () => {
    const controller = new AbortController();
    const { error, workDir } = await lab.build('aborted', files, {
      signal: controller.signal,
      onLine: (line) => {
        if (line.endsWith('busy') && !line.includes('RUN'))
          controller.abort(new Error('not wanted any more'));
      },
    });
    assert.equal(error?.message, 'not wanted any more');
    assert.deepEqual(await readdir(workDir), []);
    await gone(lab);
  });

  test('abort before the beginning does nothing', async () => {
    const { error } = await lab.build('never', files, { signal: AbortSignal.abort() });
    assert.equal(error?.name, 'AbortError');
    await gone(lab);
  });

  test('sweep finishes what a killed daemon left', async (t) => {
    const workDir = join(lab.dir, 'doomed');
    const zip = join(lab.dir, 'doomed.zip');
    await mkdir(workDir);
    await writeZip(zip, files);
    const script = join(import.meta.dirname, 'lab/doomed-build.ts');
    const child = spawn(process.execPath, [script, workDir, zip], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (chunk: Buffer) => /\d busy$/m.test(String(chunk)) && resolve()),
    );

    assert.ok((await noteSlots(lab.dir)) > 0);
    assert.ok((await hostTraces(lab.dir)).length > 4);
    await lab.builder.sweep();
    assert.ok((await hostTraces(lab.dir)).length > 4, 'a living builder is left alone');

    child.kill('SIGKILL');
    await lab.builder.sweep().catch(() => {}); // the process may not be gone yet
    await eventually(
      async () => {
        await lab.builder.sweep();
        return hostTraces(lab.dir);
      },
      (traces) => traces.length === 0,
    );
    assert.deepEqual(await readdir(workDir), []);
  });
});

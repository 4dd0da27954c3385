import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilQuiet } from '../../src/host/builds/quiet.ts';

test('a process that gets no processor is not idle; one that wants none is', async () => {
  const loop = ['sh', '-c', 'while :; do :; done'];
  const one = ['-c', '0'];
  const hog = spawn('taskset', [...one, ...loop]);
  const starving = spawn('taskset', [...one, 'nice', '-n', '19', ...loop]);
  try {
    await sleep(500);
    let quiet = false;
    const waiting = untilQuiet(starving.pid!, 600_000, new AbortController().signal).then(() => {
      quiet = true;
    });
    await sleep(4000);
    assert.equal(quiet, false);
    starving.kill('SIGSTOP');
    await waiting;
  } finally {
    hog.kill('SIGKILL');
    starving.kill('SIGKILL');
  }
});

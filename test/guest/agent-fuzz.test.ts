import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const agent = join(import.meta.dirname, '../../guest-agent');
/** What works on bytes of the host or the tenant; the rest is replaced by the harness. */
const sources = [
  'receiver.c',
  'channel.c',
  'control.c',
  'streams.c',
  'upward.c',
  'spec.c',
  'output.c',
  'loop.c',
];
const seconds = 4;
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'squib-fuzz-'));
  execFileSync('gcc', [
    ...['-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'],
    '-Wl,--wrap=poll,--wrap=epoll_wait,--wrap=clock_gettime',
    ...['-fno-sanitize-recover=all', '-I', agent, '-o', join(folder, 'fuzz')],
    ...[join(import.meta.dirname, 'support/fuzz.c'), ...sources.map((name) => join(agent, name))],
  ]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('the agent survives random and mutated frames under sanitizers', () => {
  const seed = `${Date.now() % 1_000_000}`;
  const { status, stdout, stderr } = spawnSync(join(folder, 'fuzz'), [seed, `${seconds}`], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, `seed ${seed}: ${stdout}${stderr.slice(0, 4000)}`);
  assert.ok(Number.parseInt(stdout, 10) > 500, `only ${stdout}`);
});

test('a guest that learns late of a new host goes on talking to it; a host that is gone for good is dropped', () => {
  const { status, stdout, stderr } = spawnSync(join(folder, 'fuzz'), ['late'], { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr.slice(0, 4000)}`);
});

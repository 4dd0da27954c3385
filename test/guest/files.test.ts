import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { ByteReader } from '../../src/host/files/byte-reader.ts';
import { encodeEntry, type FileEntry, readEntry } from '../../src/host/files/entries.ts';
import { entriesOf, tarOf } from '../../src/host/files/tar.ts';

const agent = join(import.meta.dirname, '../../guest-agent');
let folder: string;
let program: string;
let from: string;
let to: string;

before(() => {
  program = join(mkdtempSync(join(tmpdir(), 'squib-files-')), 'files');
  execFileSync('gcc', [
    ...['-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'],
    ...['-fno-sanitize-recover=all', '-I', agent, '-o', program],
    ...[join(import.meta.dirname, 'support/files.c'), join(agent, 'files.c')],
  ]);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'squib-files-'));
  [from, to] = [join(folder, 'from'), join(folder, 'to')];
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(() => rmSync(folder, { recursive: true }));
after(() => rmSync(join(program, '..'), { recursive: true }));

/** Runs the program; its output, errors and exit code. */
async function run(args: string[], input: Readable | Buffer = Buffer.alloc(0)) {
  const child = spawn(program, [...args, '7', '8'], { stdio: 'pipe' });
  child.stdin.on('error', () => {}); // it may give up before it has read everything
  (input instanceof Readable ? input : Readable.from([input])).pipe(child.stdin);
  const [out, err, [code]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { out, err, code: code as number };
}

const tar = (path: string, ...names: string[]) =>
  execFileSync('tar', ['-C', path, '-cf', '-', ...names], { maxBuffer: 1 << 28 });
const entries = (archive: Buffer) =>
  Readable.from(entriesOf(Readable.from([archive])), { objectMode: false });
const asTar = (out: Buffer) =>
  buffer(Readable.from(tarOf(new ByteReader(Readable.from([out])), async () => {})));
const untar = (archive: Buffer, path: string) =>
  execFileSync('tar', ['-C', path, '-xf', '-'], { input: archive });

function makeTree(): void {
  mkdirSync(join(from, 'app/empty'), { recursive: true });
  mkdirSync(join(from, 'app/deep', 'n'.repeat(120), 'm'.repeat(120)), { recursive: true });
  writeFileSync(join(from, 'app/deep', 'n'.repeat(120), 'm'.repeat(120), 'λ'), 'long');
  writeFileSync(join(from, 'app/run.sh'), '#!/bin/sh\n', { mode: 0o750 });
  writeFileSync(join(from, 'app/large'), randomBytes(3_000_001));
  writeFileSync(join(from, 'app/block'), randomBytes(1024));
  writeFileSync(join(from, 'app/nothing'), '');
  symlinkSync('/etc/passwd', join(from, 'app/link'));
  utimesSync(join(from, 'app/run.sh'), 1_700_000_000, 1_700_000_000);
}

function assertTree(root: string): void {
  for (const name of [
    'large',
    'block',
    'nothing',
    'run.sh',
    join('deep', 'n'.repeat(120), 'm'.repeat(120), 'λ'),
  ]) {
    assert.ok(readFileSync(join(root, name)).equals(readFileSync(join(from, 'app', name))), name);
  }
  assert.equal(statSync(join(root, 'run.sh')).mode & 0o777, 0o750);
  assert.equal(statSync(join(root, 'run.sh')).mtimeMs, 1_700_000_000_000);
  assert.equal(readlinkSync(join(root, 'link')), '/etc/passwd');
  assert.deepEqual(readdirSync(join(root, 'empty')), []);
}

describe('reading', () => {
  test('a folder gives all that is in it, as tar reads it', async () => {
    makeTree();
    const { out, code } = await run(['read', join(from, 'app')]);
    assert.equal(code, 0);
    untar(await asTar(out), to);
    assertTree(join(to, 'app'));
  });

  test('a link that was named is followed, one that was met is copied', async () => {
    writeFileSync(join(from, 'file'), 'x');
    symlinkSync('file', join(from, 'link'));
    const { out } = await run(['read', join(from, 'link')]);
    const entry = await readEntry(new ByteReader(Readable.from([out])));
    assert.deepEqual([entry.kind, entry.path, entry.size], ['file', 'link', 1]);
  });

  test('"/." gives the contents, a path that is not there exit code 2, a device exit code 1', async () => {
    makeTree();
    const { out } = await run(['read', `${from}/app/.`]);
    untar(await asTar(out), to);
    assertTree(to);
    const missing = await run(['read', '/nowhere/at/all']);
    assert.deepEqual([missing.code, missing.err], [2, '/nowhere/at/all: No such file or directory\n']);
    const device = await run(['read', '/dev/null']);
    assert.deepEqual([device.code, device.err], [1, '/dev/null: this is neither a file nor a folder\n']);
  });

  test('pipes and sockets are left out, and nothing waits for them', async () => {
    execFileSync('mkfifo', [join(from, 'pipe')]);
    writeFileSync(join(from, 'file'), 'x');
    const { out, code } = await run(['read', from]);
    assert.equal(code, 0);
    untar(await asTar(out), to);
    assert.deepEqual(readdirSync(join(to, 'from')), ['file']);
  });
});

describe('writing', () => {
  test('into a folder keeps names, modes, times and links; all belongs to the user that was named', async () => {
    makeTree();
    linkSync(join(from, 'app/block'), join(from, 'app/second'));
    const { code, err } = await run(['write', to], entries(tar(from, 'app')));
    assert.deepEqual([code, err], [0, '']);
    assertTree(join(to, 'app'));
    assert.equal(statSync(join(to, 'app/second')).ino, statSync(join(to, 'app/block')).ino);
    const { uid, gid } = lstatSync(join(to, 'app/link'));
    assert.deepEqual([uid, gid], [7, 8]);
  });

  test('to a name that is not there gives that name, to one that is replaces it', async () => {
    writeFileSync(join(from, 'file'), 'new', { mode: 0o600 });
    await run(['write', join(to, 'renamed')], entries(tar(from, './file')));
    assert.equal(readFileSync(join(to, 'renamed'), 'utf8'), 'new');
    writeFileSync(join(to, 'outside'), 'safe');
    symlinkSync('outside', join(to, 'was-a-link'));
    await run(['write', join(to, 'was-a-link')], entries(tar(from, 'file')));
    assert.equal(readFileSync(join(to, 'outside'), 'utf8'), 'safe');
    assert.equal(readFileSync(join(to, 'was-a-link'), 'utf8'), 'new');
    makeTree();
    await run(['write', join(to, 'copy')], entries(tar(from, 'app')));
    assertTree(join(to, 'copy'));
    await run(['write', join(to, 'contents')], entries(tar(join(from, 'app'), '.')));
    assertTree(join(to, 'contents'));
  });

  test('where a folder is missing says so with exit code 2', async () => {
    writeFileSync(join(from, 'file'), 'x');
    for (const path of [join(to, 'missing/'), join(to, 'missing/name')]) {
      const { code, err } = await run(['write', path], entries(tar(from, 'file')));
      assert.equal(code, 2);
      assert.match(err, /missing\/?: No such file or directory/);
    }
    mkdirSync(join(to, 'file'));
    const { code, err } = await run(['write', to], entries(tar(from, 'file')));
    assert.deepEqual([code, err], [1, 'file: Is a directory\n']);
  });

  test('refuses what is no tar, devices, and names that lead elsewhere', async () => {
    const refused = (archive: Buffer, why: RegExp) =>
      assert.rejects(buffer(entries(archive)), { message: why });
    await refused(randomBytes(10_000), /cannot be read/);
    await refused(tar('/dev', 'null'), /'null' is a CharacterDevice/);
    await refused(
      execFileSync('tar', ['-P', '-cf', '-', '--transform', 's,.*,../x,', join(agent, 'main.c')]),
      /would lead out/,
    );
    writeFileSync(join(from, 'file'), 'x');
    const whole = tar(from, 'file');
    await refused(whole.subarray(0, 513), /cannot be read/);
    // The agent's program looks again.
    for (const path of ['/etc/x', '../x', 'a/../../x', 'a/..', '']) {
      const { code, err } = await run(['write', to], encodeEntry({ ...file, path }));
      assert.deepEqual([code, err], [1, `${path}: this path leads elsewhere\n`]);
    }
  });

  test('survives random and mutated entries under sanitizers', async () => {
    const seeds = ['a', 'a/b', 'c', '.', 'a/b/c'];
    for (let round = 0; round < 60; round++) {
      const parts = seeds.flatMap((path, n) => {
        const kind = (['file', 'folder', 'link', 'hardLink'] as const)[(round + n) % 4]!;
        const size = kind === 'file' ? (round * 37) % 300 : 0;
        return [
          encodeEntry({ ...file, kind, path, target: kind === 'file' ? '' : 'a', size }),
          randomBytes(size),
        ];
      });
      const input = Buffer.concat(parts);
      const [at] = randomBytes(1);
      input[(at! * round) % input.length]! ^= 1 << (round % 8);
      const { code, err } = await run(['write', to], input.subarray(0, input.length - (round % 5)));
      assert.ok(code === 0 || code === 1, `round ${round}: ${code} ${err}`);
      assert.doesNotMatch(err, /Sanitizer/);
    }
    assert.ok(!existsSync(join(folder, 'a')));
  });
});

const file: FileEntry = {
  ...{ kind: 'file', path: 'x', target: '', mode: 0o644, uid: 0, gid: 0, size: 0, modified: 0 },
};

test('a guest that sends nonsense ends the copy with an error', async () => {
  for (const bytes of [Buffer.alloc(32, 0xff), Buffer.from('f'), encodeEntry({ ...file, size: 10 })]) {
    await assert.rejects(asTar(bytes), /no file|too early/);
  }
});

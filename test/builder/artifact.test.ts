import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openArtifact } from '../../src/host/builder/artifact.ts';
import { type RawEntry, writeRawZip } from './lab/zip.ts';

const limits = { entries: 50, bytes: 2 ** 20 };
const dockerfile: RawEntry = { name: 'Dockerfile', data: 'FROM scratch\n' };

describe('code artifact', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sq-zip-'));
  });
  after(() => rm(dir, { recursive: true }));

  /** Unpacks, expecting a refusal that leaves nothing. */
  async function refused(expected: RegExp, entries: RawEntry[], count?: number): Promise<void> {
    const zip = join(dir, 'a.zip');
    await writeRawZip(zip, entries, count);
    await assert.rejects(openArtifact(zip, join(dir, 'out'), limits), {
      name: 'BuildFailed',
      message: expected,
    });
    assert.deepEqual(await readdir(dir), ['a.zip']);
    await rm(zip);
  }

  test('keeps executable bits, directories and links that stay inside', async () => {
    const zip = join(dir, 'good.zip');
    await writeRawZip(zip, [
      dockerfile,
      { name: 'bin/', mode: 0o040555 },
      { name: 'bin/run.sh', data: '#!/bin/sh\n', mode: 0o100755 },
      { name: 'data/secret', data: 'x', mode: 0o104600 },
      { name: 'latest', data: 'bin/run.sh', mode: 0o120777 },
      { name: 'data/up', data: '../bin', mode: 0o120777 },
    ]);
    const out = join(dir, 'good');
    await openArtifact(zip, out, limits);
    assert.equal(await readFile(join(out, 'Dockerfile'), 'utf8'), 'FROM scratch\n');
    assert.equal((await stat(join(out, 'bin/run.sh'))).mode & 0o7777, 0o755);
    assert.equal((await stat(join(out, 'bin'))).mode & 0o7777, 0o555);
    assert.equal((await stat(join(out, 'data/secret'))).mode & 0o7777, 0o600, 'no setuid from a zip');
    assert.equal(await readlink(join(out, 'latest')), 'bin/run.sh');
    assert.equal(await readlink(join(out, 'data/up')), '../bin');
    await rm(out, { recursive: true });
    await rm(zip);
  });

  test('without a Dockerfile at its root', async () => {
    const missing = /^ARCHIVE_DOCKERFILE_NOT_FOUND: /;
    await refused(missing, []);
    await refused(missing, [{ name: 'app/Dockerfile', data: 'FROM scratch' }]);
    await refused(missing, [{ name: 'dockerfile', data: 'FROM scratch' }]);
    await refused(missing, [{ name: 'Dockerfile/', mode: 0o040755 }]);
    await refused(missing, [{ name: 'x' }, { name: 'Dockerfile', data: 'x', mode: 0o120777 }]);
  });

  test('names that lead out', async () => {
    for (const name of ['../x', 'a/../../x', '/etc/x', 'C:/x', 'a\\..\\x', '\0x', `${'a/'.repeat(70)}x`]) {
      await refused(/^ARCHIVE_INVALID: /, [dockerfile, { name, data: 'x' }]);
    }
  });

  test('links that lead out', async () => {
    for (const target of ['/etc/passwd', '..', '../x', 'a/../../x', '']) {
      await refused(/^ARCHIVE_INVALID: .*points out/, [
        dockerfile,
        { name: 'l', data: target, mode: 0o120777 },
      ]);
    }
  });

  test('nothing is written through a link, whatever the order', async () => {
    const link = { name: 'd', data: 'e', mode: 0o120777 };
    const file = { name: 'd/f', data: 'x' };
    await refused(/^ARCHIVE_INVALID: /, [dockerfile, link, file]);
    await refused(/^ARCHIVE_INVALID: /, [dockerfile, file, link]);
  });

  test('devices, pipes and sockets', async () => {
    for (const kind of [0o020000, 0o060000, 0o010000, 0o140000]) {
      await refused(/^ARCHIVE_INVALID: .*device/, [dockerfile, { name: 'x', mode: kind | 0o666 }]);
    }
  });

  test('one name twice', async () => {
    await refused(/^ARCHIVE_INVALID: two entries/, [dockerfile, dockerfile]);
    await refused(/^ARCHIVE_INVALID: two entries/, [dockerfile, { name: './Dockerfile', data: 'x' }]);
    await refused(/^ARCHIVE_INVALID: .*a file and a directory/, [dockerfile, { name: 'Dockerfile/x' }]);
  });

  test('sizes that lie, both ways', async () => {
    const data = Buffer.alloc(5000);
    for (const size of [10, 100_000]) {
      await refused(/^ARCHIVE_INVALID: /, [dockerfile, { name: 'x', data, claims: { size } }]);
    }
  });

  test('bytes that are not those that were packed', async () => {
    await refused(/^ARCHIVE_INVALID: .*checksum/, [{ ...dockerfile, claims: { crc: 1 } }]);
  });

  test('bombs', async () => {
    await refused(/^ARCHIVE_INVALID: .*bytes/, [dockerfile, { name: 'x', data: Buffer.alloc(2 ** 21) }]);
    const half = Buffer.alloc(2 ** 19 + 1);
    await refused(/^ARCHIVE_INVALID: .*bytes/, [
      dockerfile,
      { name: 'a', data: half },
      { name: 'b', data: half },
    ]);
  });

  test('too many entries, also as directories of a path', async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({ name: `f${index}` }));
    await refused(/^ARCHIVE_INVALID: .*more than 50 entries/, [dockerfile, ...many]);
    await refused(/^ARCHIVE_INVALID: .*more than 50 entries/, [dockerfile, { name: `${'a/'.repeat(55)}x` }]);
    await refused(/^ARCHIVE_INVALID: /, [dockerfile], 65_000);
  });

  test('encrypted, and packed in a way that nobody uses', async () => {
    await refused(/^ARCHIVE_INVALID: .*encrypted/, [{ ...dockerfile, claims: { flags: 0x801 } }]);
    await refused(/^ARCHIVE_INVALID: .*deflate/, [{ ...dockerfile, claims: { method: 12 } }]);
  });

  test('no zip at all, or half of one', async () => {
    const zip = join(dir, 'half.zip');
    await writeRawZip(zip, [dockerfile, { name: 'x', data: Buffer.alloc(9000, 'abc') }]);
    const whole = await readFile(zip);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 60, 90);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('no zip'),
      whole.subarray(0, whole.length - 30),
      damaged,
    ]) {
      await writeFile(zip, bytes);
      await assert.rejects(
        openArtifact(zip, join(dir, 'out'), limits),
        /ARCHIVE_INVALID: the code artifact is/,
      );
    }
    assert.deepEqual(await readdir(dir), ['half.zip']);
  });

  test('stops when it is told to', async () => {
    const zip = join(dir, 'stop.zip');
    await writeRawZip(zip, [dockerfile]);
    await assert.rejects(openArtifact(zip, join(dir, 'out'), limits, AbortSignal.abort()), {
      name: 'AbortError',
    });
    assert.equal((await readdir(dir)).includes('out'), false);
  });
});

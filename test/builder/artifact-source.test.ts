import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { fetchArtifact } from '../../src/host/builds/artifact-source.ts';
import { ObjectStore } from '../../src/store/object-store.ts';

const dir = mkdtempSync(join(tmpdir(), 'squib-artifact-'));
after(() => rmSync(dir, { recursive: true, force: true }));

test('an artifact that could not fit even unpacked is not fetched', async () => {
  const objects = await ObjectStore.open(join(dir, 's3'));
  objects.createBucket('apps', 'us-east-1');
  await objects.putObject('apps', 'app.zip', Readable.from([Buffer.alloc(1000)]), {
    describe: () => ({ headers: {}, metadata: {} }),
  });
  const { signal } = new AbortController();
  const file = join(dir, 'app.zip');
  await assert.rejects(fetchArtifact(objects, 's3://apps/app.zip', file, 999, signal), {
    name: 'BuildFailed',
    message: /^ARCHIVE_INVALID: s3:\/\/apps\/app\.zip is larger than/,
  });
  assert.equal(existsSync(file), false);
  await fetchArtifact(objects, 's3://apps/app.zip', file, 1000, signal);
  assert.equal(readFileSync(file).length, 1000);
  objects.close();
});

// Files in S3: an application in a MicroVM works on a folder of a bucket, in the name of its execution role.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { aws } from '../support/aws-cli.ts';
import { suspend } from '../support/lifecycle.ts';
import { TestSquib } from '../support/squib.ts';
import { script } from './support.ts';

let squib: TestSquib;
let id: string;
before(async () => {
  squib = await TestSquib.start({ apiInMicrovms: true });
});
after(() => squib.remove());

const files = (...args: string[]) => script(squib, 's3-files/files.sh', [id, ...args]);

test('deploy.sh and files.sh: what is in the bucket is seen inside, what is written inside is in the bucket', async () => {
  const env = { ENDPOINT_URL: 'http://169.254.169.252' };
  id = (await script(squib, 's3-files/deploy.sh', [], env)).trim().split('\n').at(-1) ?? '';
  assert.equal(await files('GET', '/files/readme.txt'), 'already there\n');
  await files('PUT', '/files/result.txt', 'from inside');
  assert.deepEqual(JSON.parse(await files('GET', '/files/')), ['readme.txt', 'result.txt']);
  const { Buckets } = await aws(squib, ['s3api', 'list-buckets']);
  const { Name } = Buckets.find(({ Name }: { Name: string }) => Name.startsWith('microvm-s3-files-data'));
  assert.equal(await aws(squib, ['s3', 'cp', `s3://${Name}/shared/result.txt`, '-']), 'from inside');
});

test('after a sleep the files are there again', async () => {
  await suspend(squib, id);
  assert.equal(await files('GET', '/files/result.txt'), 'from inside');
});

test('cleanup.sh leaves nothing', async () => {
  await script(squib, 's3-files/cleanup.sh');
  assert.deepEqual((await aws(squib, ['lambda-microvms', 'list-microvm-images'])).items, []);
});

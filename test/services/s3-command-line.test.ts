// S3 through the AWS CLI, both versions: what people type, and an upload in many parts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { awsCliV2 } from '../../src/setup/aws-cli-v2.ts';
import { testClients } from '../../src/setup/test-clients.ts';
import { runProgram } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

let squib: TestSquib;
let folder: string;
before(async () => {
  squib = await TestSquib.start();
  folder = join(squib.config.dataDir, 'files');
  mkdirSync(join(folder, 'site/deep'), { recursive: true });
  // By itself version 1 presigns with Signature V2, which AWS refuses for buckets made since 2020, and squib too.
  mkdirSync(join(squib.config.dataDir, '.aws'));
  writeFileSync(join(squib.config.dataDir, '.aws/config'), '[default]\ns3 =\n  signature_version = s3v4\n');
  for (const name of ['index.html', 'deep/a b.txt', 'deep/skip.log']) {
    writeFileSync(join(folder, 'site', name), `content of ${name}\n`);
  }
});
after(() => squib.remove());

for (const version of [1, 2]) {
  describe(`version ${version} of the AWS CLI`, { concurrency: 1 }, () => {
    const bucket = `s3://cli-${version}`;
    const run = async (...args: string[]) => {
      const { cacheDir } = squib.config;
      const program = version === 1 ? testClients(cacheDir).aws : join(awsCliV2(cacheDir), 'aws');
      const { stdout, stderr, code } = await runProgram(squib, program, args, { cwd: folder });
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      return stdout;
    };

    test('mb, cp, ls, mv, rm, presign', async () => {
      await run('s3', 'mb', bucket);
      await run('s3', 'cp', 'site/index.html', `${bucket}/web/`);
      await run('s3', 'cp', `${bucket}/web/index.html`, `${bucket}/copy.html`);
      await run('s3', 'mv', `${bucket}/copy.html`, `${bucket}/moved.html`);
      const listed = await run('s3', 'ls', bucket, '--recursive', '--summarize');
      assert.match(listed, /moved\.html[\s\S]*web\/index\.html[\s\S]*Total Objects: 2/);
      assert.match(await run('s3', 'ls', `${bucket}/`), /PRE web\//);
      assert.equal(await run('s3', 'cp', `${bucket}/moved.html`, '-'), 'content of index.html\n');
      const url = (await run('s3', 'presign', `${bucket}/moved.html`, '--expires-in', '60')).trim();
      assert.equal(await (await fetch(url)).text(), 'content of index.html\n');
      assert.equal((await fetch(url.replace('moved', 'other'))).status, 403);
      await run('s3', 'rm', `${bucket}/moved.html`);
    });

    test('sync there and back, with filters and deletions', async () => {
      await run('s3', 'sync', 'site', `${bucket}/site`, '--exclude', '*.log');
      assert.equal(
        await run('s3', 'sync', 'site', `${bucket}/site`, '--exclude', '*.log'),
        '',
        'nothing left to do',
      );
      await run('s3', 'sync', `${bucket}/site`, `back-${version}`);
      assert.equal(
        readFileSync(join(folder, `back-${version}/deep/a b.txt`), 'utf8'),
        'content of deep/a b.txt\n',
      );
      const gone = await run('s3', 'sync', `back-${version}/deep`, `${bucket}/site`, '--delete');
      assert.match(gone, /delete: .*site\/index\.html/);
    });

    test('settings that scripts make', async () => {
      const api = (...args: string[]) => run('s3api', ...args, '--bucket', `cli-${version}`);
      await api('put-bucket-versioning', '--versioning-configuration', 'Status=Enabled');
      await api('put-public-access-block', '--public-access-block-configuration', 'BlockPublicAcls=true');
      await api('put-bucket-tagging', '--tagging', 'TagSet=[{Key=a,Value=b}]');
      await api(
        ...['put-bucket-encryption', '--server-side-encryption-configuration'],
        '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}',
      );
      assert.match(await api('get-bucket-versioning'), /"Enabled"/);
      assert.match(await api('get-bucket-location'), /"LocationConstraint": null/);
      assert.match(await api('list-object-versions'), /"VersionId": "null"/);
      await run('s3', 'rb', bucket, '--force');
    });
  });
}

test('an upload in many parts goes up and comes back in constant memory', async () => {
  const size = 256 * 1024 ** 2;
  const file = join(folder, 'large.bin');
  const out = openSync(file, 'w');
  for (let at = 0; at < 64; at++) writeSync(out, Buffer.alloc(1024, at), 0, 1024, at * 4 * 1024 ** 2);
  closeSync(out);
  truncateSync(file, size);
  const cli = async (...args: string[]) => {
    const { stderr, code } = await runProgram(squib, join(awsCliV2(squib.config.cacheDir), 'aws'), args);
    assert.equal(code, 0, stderr);
  };
  const memory = () =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${squib.pid}/status`, 'utf8'))?.[1]) / 1024;
  const before = memory();
  await cli('s3', 'mb', 's3://large');
  await cli('s3', 'cp', file, 's3://large/large.bin', '--only-show-errors');
  await cli('s3', 'cp', 's3://large/large.bin', `${file}.back`, '--only-show-errors');
  assert.ok(memory() - before < 150, `the daemon took ${memory() - before} MiB more`);
  const hash = async (path: string) => {
    const digest = createHash('sha1');
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2 })) digest.update(chunk);
    return digest.digest('hex');
  };
  assert.equal(await hash(`${file}.back`), await hash(file));
});

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Header } from 'tar';
import { copyOut } from '../../src/cli/files/copy-out.ts';

interface Entry {
  path: string;
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link';
  linkpath?: string;
  content?: string;
}

/** A tar as a MicroVM might send it: nobody looked at its names. */
function archive(...entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = 'File', linkpath, content = '' }) => {
    const header = Buffer.alloc(512);
    const data = { path, type, size: content.length, mode: 0o644, mtime: new Date(0) };
    new Header({ ...data, ...(linkpath !== undefined && { linkpath }) }).encode(header);
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return [header, body];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A squib whose MicroVM sends these bytes, and a place to copy to. */
async function open(t: TestContext, bytes: Buffer) {
  const server = createServer((_request, response) => response.end(bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync('/tmp/squib-copy-');
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const inside = join(folder, 'inside');
  mkdirSync(inside);
  writeFileSync(join(folder, 'victim'), 'untouched');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = { endpoint, region: 'us-east-1', accessKeyId: 'x', secretAccessKey: 'x' };
  return { folder, inside, copy: (to = inside) => copyOut(connection, 'microvm-x', '/x', to) };
}

test('what a MicroVM sends is written under the name that was asked for', async (t) => {
  const bytes = archive({ path: 'x/', type: 'Directory' }, { path: 'x/a', content: 'one' });
  const { inside, copy } = await open(t, bytes);
  await copy();
  await copy(join(inside, 'renamed'));
  assert.equal(readFileSync(join(inside, 'x/a'), 'utf8'), 'one');
  assert.equal(readFileSync(join(inside, 'renamed/a'), 'utf8'), 'one');
});

test('the contents of a folder go into a folder, or under a new name', async (t) => {
  const bytes = archive({ path: './', type: 'Directory' }, { path: './a', content: 'one' });
  const { inside, copy } = await open(t, bytes);
  await copy();
  await copy(join(inside, 'new'));
  assert.equal(readFileSync(join(inside, 'a'), 'utf8'), 'one');
  assert.equal(readFileSync(join(inside, 'new/a'), 'utf8'), 'one');
});

const victim = { path: 'x/victim', content: 'taken' };
for (const [name, entries] of [
  ['names that climb', [{ path: '../victim', content: 'taken' }]],
  ['names that climb from within', [{ path: 'x/../../victim', content: 'taken' }]],
  ['a link to above, and a file through it', [{ path: 'x', type: 'SymbolicLink', linkpath: '..' }, victim]],
  [
    'a hard link to above, and what is written to it',
    [{ path: 'x/victim', type: 'Link', linkpath: '../../victim' }, victim],
  ],
] as [string, Entry[]][]) {
  for (const renamed of [false, true]) {
    test(`${name} reach nothing outside${renamed ? ', renamed' : ''}`, async (t) => {
      const { folder, inside, copy } = await open(t, archive(...entries));
      const copied = copy(renamed ? join(inside, 'y') : inside);
      // A first part that is replaced by a name cannot climb any more.
      if (renamed && entries[0]?.path === '../victim') await copied;
      else await assert.rejects(copied, /The copy broke off/);
      assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'untouched');
      assert.deepEqual(readdirSync(folder).sort(), ['inside', 'victim']);
    });
  }
}

test('absolute names reach nothing outside', async (t) => {
  const target = `/tmp/squib-copy-absolute-${process.pid}`;
  const { copy } = await open(t, archive({ path: target, content: 'taken' }));
  await assert.rejects(copy(), /The copy broke off/);
  assert.ok(!existsSync(target));
});

test('a stream that ends too early is an error', async (t) => {
  const whole = archive({ path: 'x', content: 'a'.repeat(5000) });
  const { copy } = await open(t, whole.subarray(0, 2000));
  await assert.rejects(copy(), /The copy broke off.*/);
});

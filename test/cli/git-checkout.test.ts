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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Checkout, checkOut, gitSource } from '../../src/cli/deploy/git-checkout.ts';
import { SquibError } from '../../src/errors/squib-error.ts';
import { commit } from '../support/git.ts';

describe('a Git repository as the source of an image', () => {
  let dir: string;
  let repository: string;
  const commits: string[] = [];
  const open: Checkout[] = [];

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'squib-test-'));
    repository = join(dir, 'shop.git');
    mkdirSync(join(repository, 'services/api'), { recursive: true });
    for (const version of ['one', 'two']) {
      writeFileSync(join(repository, 'services/api/Dockerfile'), `FROM scratch\nLABEL version=${version}\n`);
      commits.push(commit(repository, version));
    }
  });
  after(() => {
    for (const checkout of open) checkout.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  async function fetched(fragment = ''): Promise<Checkout> {
    const checkout = await checkOut(gitSource(`file://${repository}${fragment}`)!);
    open.push(checkout);
    return checkout;
  }

  test('folders of this machine are none', () => {
    for (const folder of ['.', 'app', './app#1', '/srv/app', 'C:app'])
      assert.equal(gitSource(folder), undefined, folder);
  });

  test('its newest commit, without history', async () => {
    const { folder, name, commit: hash } = await fetched();
    assert.equal(hash, commits[1]);
    assert.equal(name, 'shop');
    assert.match(readFileSync(join(folder, 'services/api/Dockerfile'), 'utf8'), /version=two/);
    assert.equal(readFileSync(join(folder, '.git/shallow'), 'utf8').trim(), commits[1]);
  });

  test('a folder of a tag, and of a commit by its hash', async () => {
    for (const ref of ['one', commits[0]]) {
      const { folder, name } = await fetched(`#${ref}:services/api`);
      assert.equal(name, 'api');
      assert.match(readFileSync(join(folder, 'Dockerfile'), 'utf8'), /version=one/);
    }
  });

  test('what is not there is said, without the password, and nothing is left', async () => {
    const before = leftovers();
    for (const source of [
      `file://${repository}#none`,
      `file://${repository}#one:nowhere`,
      `file://${repository}#one:../..`,
      'https://me:secret@127.0.0.1:1/app.git',
    ]) {
      await assert.rejects(checkOut(gitSource(source)!), (error) => {
        assert.ok(error instanceof SquibError, String(error));
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
    assert.throws(() => gitSource(`file://${repository}#--upload-pack=x`), SquibError);
    assert.deepEqual(leftovers(), before);
  });

  test('is gone when it is no longer needed', async () => {
    const checkout = await fetched();
    checkout.remove();
    assert.equal(existsSync(checkout.folder), false);
  });
});

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('squib-git-')).length;

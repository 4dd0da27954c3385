import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CredentialBook } from '../../src/authorization/credential-book.ts';
import { evaluate } from '../../src/authorization/policy/evaluate.ts';
import { ServiceError, type ServiceErrorCode } from '../../src/errors/service-error.ts';
import { Credentials } from '../../src/store/credentials.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openSealer } from '../../src/store/sealer.ts';

const root = { accessKeyId: 'AKIAROOT', secretAccessKey: 'root secret' };
const policyDocument = '{"Statement":{"Effect":"Allow","Action":"lambda:Get*","Resource":"*"}}';
const widerPolicy = '{"Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'book-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, open: () => open(t, folder) };
}

function open(t: TestContext, folder: string): CredentialBook {
  const db = openDatabase(join(folder, 'squib.db'));
  t.after(() => db.close());
  const options = { root, accountId: '000000000000', partition: 'aws', now: () => 1000 };
  return new CredentialBook({ ...options, rows: new Credentials(db), sealer: openSealer(folder) });
}

const refused = (code: ServiceErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof ServiceError && error.code === code && message.test(error.message);

test('the root is always there, without policies', (t) => {
  const found = setUp(t).open().find('AKIAROOT');
  assert.equal(found?.arn, 'arn:aws:iam::000000000000:root');
  assert.equal(found?.userId, '000000000000');
  assert.equal(found?.secretAccessKey, 'root secret');
  assert.equal(found?.root, true);
});

test('a credential outlives a restart; only the first answer holds the secret', (t) => {
  const { open } = setUp(t);
  const made = open().create({ userName: 'ann', policyDocument, expiresAt: 5000 });
  assert.match(made.accessKeyId, /^AKIA[A-Z2-7]{16}$/);
  assert.equal(made.secretAccessKey.length, 40);
  const again = open();
  const { secretAccessKey, ...view } = made;
  assert.deepEqual(again.list(), [view]);
  assert.deepEqual(again.get('ann'), view);
  const found = again.find(made.accessKeyId)!;
  assert.equal(found.secretAccessKey, secretAccessKey);
  assert.equal(found.arn, 'arn:aws:iam::000000000000:user/ann');
  assert.match(found.userId, /^AIDA[A-Z2-7]{17}$/);
  assert.equal(found.expiresAt, 5000);
  assert.equal(found.userName, 'ann');
  assert.equal(again.find(made.accessKeyId), found, 'the second look-up is answered from memory');
});

test('no secret is readable in the data directory', (t) => {
  const { folder, open } = setUp(t);
  const { secretAccessKey } = open().create({ userName: 'ann', policyDocument });
  for (const file of readdirSync(folder)) {
    assert.ok(!readFileSync(join(folder, file)).includes(secretAccessKey), file);
  }
});

test('changes and deletion hold at once', (t) => {
  const book = setUp(t).open();
  const { accessKeyId } = book.create({ userName: 'ann', policyDocument });
  const may = (action: string) => {
    const { policies, arn } = book.find(accessKeyId)!;
    return evaluate(policies, { principalArn: arn, action, resource: '*', context: {} });
  };
  assert.equal(may('lambda:RunMicrovm'), 'implicitDeny');
  book.update('ann', { policyDocument: widerPolicy });
  assert.equal(may('lambda:RunMicrovm'), 'allow');

  assert.equal(book.update('ann', { enabled: false }).enabled, false);
  assert.equal(book.find(accessKeyId), undefined);
  book.update('ann', { enabled: true, expiresAt: 9000 });
  assert.equal(book.find(accessKeyId)?.expiresAt, 9000);
  book.update('ann', { expiresAt: null });
  assert.equal(book.find(accessKeyId)?.expiresAt, undefined);

  book.delete('ann');
  assert.equal(book.find(accessKeyId), undefined);
  assert.deepEqual(book.list(), []);
  assert.throws(() => book.delete('ann'), refused('NotFound', /no credential for the user 'ann'/));
});

test('what is wrong is refused and leaves nothing behind', (t) => {
  const { open } = setUp(t);
  const book = open();
  const bad = '{"Statement":{"Effect":"Allow","Action":"lambda","Resource":"*"}}';
  const wrong = refused('Validation', /Statement\[0\]\.Action .*'lambda'/);
  assert.throws(() => book.create({ userName: 'ann', policyDocument: bad }), wrong);
  assert.deepEqual(open().list(), []);
  book.create({ userName: 'ann', policyDocument });
  assert.throws(() => book.create({ userName: 'ann', policyDocument }), refused('Conflict', /'ann' already/));
  assert.throws(() => book.update('ann', { policyDocument: bad }), wrong);
  assert.throws(() => book.update('bob', {}), refused('NotFound', /'bob'/));
  assert.equal(open().get('ann').policyDocument, policyDocument);
});

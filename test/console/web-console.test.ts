import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Incoming } from '../../src/aws/http/incoming.ts';
import type { Credential } from '../../src/aws/sigv4/credential.ts';
import { ConsoleSessions, IDLE_MS, LINK_MS, SESSION_MS } from '../../src/console/sessions.ts';
import { StaticFiles } from '../../src/console/static-files.ts';
import { createWebConsole } from '../../src/console/web-console.ts';

const credential: Credential = {
  accessKeyId: 'AKIDSQUIBTEST0000001',
  secretAccessKey: 'not-a-real-secret',
  accountId: '111111111111',
  arn: 'arn:aws:iam::111111111111:user/somebody',
  userId: 'AIDA0000000000000001',
};

/** Sessions whose clock the test turns. */
function sessionsAt(known: () => Credential | undefined = () => credential) {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const sessions = new ConsoleSessions(
    (id) => (id === credential.accessKeyId ? known() : undefined),
    () => clock.now,
  );
  const open = async () => {
    const opened = await sessions.open(sessions.createLink(credential.accessKeyId, 'us-east-1').token);
    assert.ok(opened);
    return opened;
  };
  return { clock, sessions, open };
}

test('a link waits five minutes and no longer', async () => {
  const { clock, sessions } = sessionsAt();
  const [early, late] = [sessions.createLink(credential.accessKeyId, 'r'), sessions.createLink('AKID', 'r')];
  clock.now += LINK_MS - 1;
  assert.ok(await sessions.open(early.token));
  const { token } = sessions.createLink(credential.accessKeyId, 'r');
  clock.now += LINK_MS;
  assert.equal(await sessions.open(token), undefined);
  assert.equal(await sessions.open(late.token), undefined);
});

test('two that open a link at the same time get one session', async () => {
  const { sessions } = sessionsAt();
  const { token } = sessions.createLink(credential.accessKeyId, 'r');
  const opened = await Promise.all([sessions.open(token), sessions.open(token), sessions.open(token)]);
  assert.equal(opened.filter((each) => each !== undefined).length, 1);
});

test('a session ends when nothing used it for an hour, and after twelve whatever happens', async () => {
  const { clock, sessions, open } = sessionsAt();
  const unused = await open();
  clock.now += IDLE_MS;
  assert.equal(await sessions.find(unused.cookie, unused.csrfToken), undefined);
  const used = await open();
  for (let spent = 0; spent + IDLE_MS / 2 < SESSION_MS; spent += IDLE_MS / 2) {
    assert.ok(await sessions.find(used.cookie, used.csrfToken));
    clock.now += IDLE_MS / 2;
  }
  clock.now += IDLE_MS / 2;
  assert.equal(await sessions.find(used.cookie, used.csrfToken), undefined);
});

test('a session does not outlive the temporary key that opened it', async () => {
  let expiresAt = Infinity;
  const { clock, sessions, open } = sessionsAt(() => ({ ...credential, expiresAt }));
  expiresAt = clock.now + 1000;
  const opened = await open();
  assert.equal(opened.expiresAt, expiresAt);
  assert.ok(await sessions.find(opened.cookie, opened.csrfToken));
  clock.now += 1000;
  assert.equal(await sessions.find(opened.cookie, opened.csrfToken), undefined);
});

test('a service that passes headers on never sees what only the browser and the console share', async () => {
  const { sessions, open, clock } = sessionsAt();
  const { cookie, csrfToken } = await open();
  const console_ = createWebConsole({
    ...{ sessions, files: new StaticFiles('/nonexistent'), ownName: '', now: () => clock.now },
    endpoint: () => Promise.reject(new Error('no terminal is opened here')),
  });
  const headers = new Map([
    ['host', 'localhost:4700'],
    ['origin', 'http://localhost:4700'],
    ['referer', 'http://localhost:4700/console/'],
    ['cookie', `squib-console=${cookie}`],
    ['x-squib-console', csrfToken],
    ['sec-fetch-site', 'same-origin'],
    ['content-type', 'application/zip'],
  ]);
  const incoming: Incoming = {
    ...{ message: {} as IncomingMessage, requestId: 'r', method: 'PUT', query: '' },
    path: '/console/api/s3/bucket/key%2Fa',
    header: (name) => headers.get(name),
    headerNames: [...headers.keys()],
  };
  const received = await console_.receive(incoming);
  assert.ok('call' in received);
  const { service, incoming: passed } = received.call;
  assert.deepEqual([service, passed.path], ['s3', '/bucket/key%2Fa']);
  assert.deepEqual(passed.headerNames, ['host', 'content-type']);
  assert.deepEqual([passed.header('cookie'), passed.header('x-squib-console')], [undefined, undefined]);
  assert.equal(passed.session?.credential.arn, credential.arn);
});

test('before the console has been built its page says how to do that', () => {
  const { status, body } = new StaticFiles('/nonexistent').answer('microvms');
  assert.equal(status, 503);
  assert.match(String(body), /squib setup/);
});

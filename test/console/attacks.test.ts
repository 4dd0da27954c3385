// The console as somebody sees it who is up to no good: what sign-in.test.ts does not try.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestSquib } from '../support/squib.ts';
import { consoleLink } from './support/browser.ts';
import { ask, ownPage, signIn, useLink } from './support/http.ts';

const list = '/console/api/lambda/2025-09-09/microvms';

describe('attacks on the console', () => {
  let squib: TestSquib;
  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib?.remove());

  test('of many who use one link at the same moment, one is let in', async () => {
    const link = await consoleLink(squib);
    const answers = await Promise.all(Array.from({ length: 20 }, () => useLink(squib, link)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(19).fill(403)]);
  });

  test('no spelling of the path lets a session make the link of its successor', async () => {
    const page = await signIn(squib);
    for (const service of ['squib', 'lambda', 's3', 'sts'])
      for (const path of [
        '/_squib/v1/console-links',
        '/_squib/v1/console-links/',
        '/_squib/v1/console-links?x=y',
        '/_squib/v1/console%2Dlinks',
        '/_squib/v1/%63onsole-links',
        '/%5Fsquib/v1/console-links',
        '//_squib/v1/console-links',
        '/./_squib/v1/console-links',
        '/_squib/v1/./console-links',
        '/_squib/v1//console-links',
        '/x/../_squib/v1/console-links',
        '/_squib%2Fv1%2Fconsole-links',
        '/_SQUIB/v1/console-links',
      ]) {
        const { status, body } = await ask(squib, 'POST', `/console/api/${service}${path}`, page, '{}');
        assert.ok(status >= 400, `${service}${path}: ${status} ${body}`);
        assert.doesNotMatch(body, /sign-in=/);
      }
  });

  test('a cookie that another page planted beside the right one gains nothing', async () => {
    const [victim, attacker] = [await signIn(squib), await signIn(squib)];
    for (const cookie of [`${attacker.cookie}; ${victim.cookie}`, `${victim.cookie}; ${attacker.cookie}`]) {
      // Whichever is read: the page's own token belongs to one session, and only that one answers.
      const { status } = await ask(squib, 'GET', list, { ...victim, cookie });
      assert.ok(status === 200 || status === 401, `${status}`);
      const { 'x-squib-console': _, ...withoutToken } = victim;
      assert.equal((await ask(squib, 'GET', list, { ...withoutToken, cookie })).status, 401);
    }
  });

  test('a form or an image of another site, which can send no header, does nothing', async () => {
    const { cookie = '' } = await signIn(squib);
    const form = { ...ownPage(squib), cookie, 'content-type': 'application/x-www-form-urlencoded' };
    for (const from of ['https://evil.example', 'null', `http://localhost:${squib.config.api.port + 1}`])
      for (const [method, path] of [
        ['POST', list],
        ['GET', list],
        ['POST', '/console/session'],
      ] as const) {
        const { status } = await ask(squib, method, path, { ...form, origin: from }, 'a=b');
        assert.ok(status >= 400 && status <= 403, `${method} ${path} from ${from}: ${status}`);
      }
  });

  test('odd names of the host are not its own', async () => {
    const page = await signIn(squib);
    for (const host of [
      '127.0.0.1.nip.io',
      'localhost.',
      'localhost:80:80',
      'localhost@evil.example',
      '127.1',
      '2130706433',
      '0x7f.0.0.1',
      'evil.example#localhost',
      ' localhost.evil',
    ]) {
      const { status } = await ask(squib, 'GET', list, { ...page, host });
      assert.ok(status === 421 || status === 400, `${host}: ${status}`);
    }
  });

  test('the console’s cookie opens nothing outside of the console', async () => {
    const { cookie = '', 'x-squib-console': csrf = '' } = await signIn(squib);
    for (const path of ['/2025-09-09/microvms', '/', '/_squib/v1/credentials']) {
      const { status } = await ask(squib, 'GET', path, {
        ...ownPage(squib),
        cookie,
        'x-squib-console': csrf,
      });
      assert.equal(status, 403, path);
    }
  });

  test('a signature in place of the session is no session, and neither is one beside it', async () => {
    const page = await signIn(squib);
    const { cookie: _, ...noSession } = page;
    const authorization = `AWS4-HMAC-SHA256 Credential=x/20260101/${squib.config.region}/lambda/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
    assert.equal((await ask(squib, 'GET', list, { ...noSession, authorization })).status, 401);
  });

  test('a redirect of the console leads nowhere but to itself', async () => {
    for (const path of [
      '/console',
      '/console?next=https://evil.example',
      '/console//evil.example/',
      '/console/%0d%0aLocation:x',
    ]) {
      const { headers } = await ask(squib, 'GET', path, ownPage(squib));
      assert.ok(
        headers.location === undefined || headers.location === '/console/',
        `${path}: ${headers.location}`,
      );
    }
  });
});

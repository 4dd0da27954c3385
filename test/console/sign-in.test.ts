import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callSquib } from '../../src/cli/api/call.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { TestSquib } from '../support/squib.ts';
import { consoleLink, origin } from './support/browser.ts';
import { ask, ownPage, signIn, useLink } from './support/http.ts';

const list = '/console/api/lambda/2025-09-09/microvms';

describe('signing in to the console', () => {
  let squib: TestSquib;
  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib?.remove());

  const rootConnection = () => ({
    endpoint: origin(squib),
    region: squib.config.region,
    ...readRootCredential(squib.layout.keys),
  });
  const code = ({ headers }: { headers: Record<string, unknown> }) => headers['x-amzn-errortype'];

  test('a link opens one session, whose cookie no script can read and no other site sends', async () => {
    const link = await consoleLink(squib);
    assert.match(link, /^http:\/\/localhost:\d+\/console\/#sign-in=[\w-]{43}$/);
    const { status, headers, body } = await useLink(squib, link);
    assert.equal(status, 201);
    const cookie = headers['set-cookie']?.[0] ?? '';
    assert.match(
      cookie,
      /^squib-console=[\w-]{43}; Path=\/console; Max-Age=4\d{4}; HttpOnly; SameSite=Strict$/,
    );
    const { arn, csrfToken, ...rest } = JSON.parse(body);
    assert.equal(arn, `arn:aws:iam::${squib.config.accountId}:root`);
    assert.deepEqual(Object.keys(rest).sort(), ['accountId', 'expiresAt', 'region']);
    const page = { ...ownPage(squib), cookie: cookie.split(';')[0] ?? '', 'x-squib-console': csrfToken };
    assert.equal((await ask(squib, 'GET', list, page)).status, 200);
    assert.deepEqual(JSON.parse((await ask(squib, 'GET', '/console/session', page)).body).arn, arn);
  });

  test('behind TLS the cookie never leaves it', async () => {
    const host = ownPage(squib).host;
    const answer = await useLink(squib, await consoleLink(squib), { origin: `https://${host}` });
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /; Secure$/);
  });

  test('a link that was used, made up or left out opens nothing', async () => {
    const link = await consoleLink(squib);
    assert.equal((await useLink(squib, link)).status, 201);
    for (const bad of [link, `${link.slice(0, -1)}x`, '']) {
      const answer = await useLink(squib, bad);
      assert.deepEqual([answer.status, code(answer)], [403, 'LinkNotValid']);
      assert.equal(answer.headers['set-cookie'], undefined);
    }
  });

  test('without a session, its cookie, its token or with those of another, nothing is answered', async () => {
    const [one, other] = [await signIn(squib), await signIn(squib)];
    const { cookie: _, ...noCookie } = one;
    const { 'x-squib-console': __, ...noToken } = one;
    const mixed = { ...one, 'x-squib-console': other['x-squib-console'] ?? '' };
    for (const headers of [ownPage(squib), noCookie, noToken, mixed, { ...one, cookie: 'squib-console=' }]) {
      const answer = await ask(squib, 'GET', list, headers);
      assert.deepEqual([answer.status, code(answer)], [401, 'NotSignedIn']);
      assert.equal(
        (await ask(squib, 'DELETE', '/console/session', headers)).headers['set-cookie'],
        undefined,
      );
    }
    assert.equal((await ask(squib, 'GET', list, one)).status, 200);
  });

  test('a page of another origin is refused, even one of another port of this host', async () => {
    const page = await signIn(squib);
    const foreign = ['https://evil.example', 'http://localhost:1', `${origin(squib)}.evil.example`, 'null'];
    for (const from of foreign) {
      for (const [method, path] of [
        ['GET', list],
        ['POST', list],
        ['POST', '/console/session'],
      ] as const) {
        const answer = await ask(squib, method, path, { ...page, origin: from });
        assert.deepEqual([answer.status, code(answer)], [403, 'ForeignOrigin'], `${method} ${path} ${from}`);
      }
    }
    const crossSite = await ask(squib, 'GET', list, { ...page, 'sec-fetch-site': 'cross-site' });
    assert.equal(code(crossSite), 'ForeignOrigin');
    const { origin: _, ...unsaid } = page;
    assert.equal((await ask(squib, 'GET', list, unsaid)).status, 200);
    assert.equal(code(await ask(squib, 'POST', list, unsaid, '{}')), 'ForeignOrigin');
  });

  test('nobody allows other origins to ask, so no browser lets them set the header', async () => {
    const headers = {
      ...ownPage(squib),
      origin: 'https://evil.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'x-squib-console',
    };
    const answer = await ask(squib, 'OPTIONS', list, headers);
    assert.equal(answer.status, 403);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  });

  test('a name that others could point here is not served', async () => {
    const page = await signIn(squib);
    for (const host of [
      'evil.example',
      `evil.example:${squib.config.api.port}`,
      'localhost.evil.example',
      'x.localhost',
    ]) {
      for (const path of ['/console/', '/console/session', list]) {
        const answer = await ask(squib, 'GET', path, { ...page, host, origin: `http://${host}` });
        assert.equal(answer.status, 421, `${host} ${path}`);
      }
    }
    for (const host of ['127.0.0.1:4700', '[::1]:4700', '192.168.1.5', 'localhost']) {
      assert.notEqual((await ask(squib, 'GET', '/console/', { host })).status, 421, host);
    }
  });

  test('signing out ends the session', async () => {
    const page = await signIn(squib);
    const out = await ask(squib, 'DELETE', '/console/session', page);
    assert.equal(out.status, 200);
    assert.match(out.headers['set-cookie']?.[0] ?? '', /^squib-console=; Path=\/console; Max-Age=0;/);
    assert.equal((await ask(squib, 'GET', list, page)).status, 401);
  });

  test('a session cannot make the link of its successor', async () => {
    const page = await signIn(squib);
    const answer = await ask(squib, 'POST', '/console/api/squib/_squib/v1/console-links', page, '{}');
    assert.deepEqual([answer.status, code(answer)], [403, 'AccessDenied']);
  });

  test('a session has the rights of the key that asked for its link, and ends with it', async () => {
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: ['squib:CreateConsoleLink', 'lambda:ListMicrovms'], Resource: '*' },
      ],
    });
    const reader = await callSquib(rootConnection(), 'CreateCredential', {
      userName: 'reader',
      policyDocument,
    });
    const page = await signIn(squib, await consoleLink(squib, reader));
    assert.equal((await ask(squib, 'GET', list, page)).status, 200);
    for (const [service, path] of [
      ['lambda', '/2025-09-09/microvm-images'],
      ['squib', '/_squib/v1/credentials'],
      ['s3', '/'],
    ]) {
      assert.equal((await ask(squib, 'GET', `/console/api/${service}${path}`, page)).status, 403, path);
    }
    await callSquib(rootConnection(), 'UpdateCredential', { userName: 'reader', enabled: false });
    assert.equal((await ask(squib, 'GET', list, page)).status, 401);
  });

  test('a credential needs a permission of its own for a link', async () => {
    const policyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'lambda:*', Resource: '*' }],
    });
    const plain = await callSquib(rootConnection(), 'CreateCredential', {
      userName: 'plain',
      policyDocument,
    });
    await assert.rejects(consoleLink(squib, plain), /not authorized to perform: squib:CreateConsoleLink/);
  });

  test('every answer forbids inline code, foreign contents, framing and guessing of types', async () => {
    const page = await signIn(squib);
    for (const path of [
      '/console/',
      '/console/microvms',
      '/console/session',
      '/console/assets/none.js',
      list,
    ]) {
      const { headers } = await ask(squib, 'GET', path, page);
      const policy = headers['content-security-policy'] ?? '';
      assert.match(String(policy), /^default-src 'none'; script-src 'self'; style-src 'self'; /, path);
      assert.match(String(policy), /frame-ancestors 'none'/);
      assert.doesNotMatch(String(policy), /unsafe|\*|https?:/);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['referrer-policy'], 'no-referrer', path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
    }
    const { body } = await ask(squib, 'GET', '/console/', page);
    assert.doesNotMatch(body, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//);
  });

  test('files outside of the console are not served', async () => {
    for (const path of [
      '/console/../package.json',
      '/console/%2e%2e/squib.db',
      '/console/assets/../../keys/seal.key',
    ]) {
      const { body } = await ask(squib, 'GET', path, ownPage(squib));
      assert.ok(body.includes('<div id="root">') || body === 'Not Found\n', `${path}: ${body.slice(0, 80)}`);
    }
  });

  test('a terminal needs the same session, token and origin', async () => {
    const { cookie = '', 'x-squib-console': csrf = '', ...own } = await signIn(squib);
    const handshake: Record<string, string> = {
      ...own,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    const path = '/console/shell/0a1b2c3d-0000-4000-8000-000000000001.lambda-microvm.us-east-1.localhost';
    const withToken = { 'sec-websocket-protocol': `lambda-microvms, squib-console.${csrf}` };
    const { origin: _, ...noOrigin } = handshake;
    for (const headers of [
      handshake,
      { ...handshake, ...withToken },
      { ...handshake, cookie, 'sec-websocket-protocol': 'lambda-microvms' },
      { ...handshake, ...withToken, cookie, origin: 'https://evil.example' },
      { ...handshake, ...withToken, cookie, host: 'evil.example' },
      { ...noOrigin, ...withToken, cookie },
    ]) {
      assert.equal((await ask(squib, 'GET', path, headers)).status, 403);
    }
    // With all of them it is the endpoint that answers, for which this MicroVM is nobody's.
    const passed = await ask(squib, 'GET', path, { ...handshake, ...withToken, cookie });
    assert.notEqual(passed.status, 101);
    assert.ok(passed.headers['x-amzn-requestid'], JSON.stringify(passed));
    // It leads to endpoints and nowhere else.
    const astray = await ask(squib, 'GET', '/console/shell/a%20b', { ...handshake, ...withToken, cookie });
    assert.equal(astray.status, 404);
  });

  test('signing in and every call are in the audit log with who did it; secrets are not', async () => {
    const link = await consoleLink(squib);
    const page = await signIn(squib, link);
    await ask(squib, 'GET', list, page);
    await squib.down('SIGTERM');
    const text = readFileSync(join(squib.layout.audit, 'audit.jsonl'), 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const last = (name: string) =>
      lines.findLast(({ eventName, errorCode }) => eventName === name && !errorCode);
    const root = `arn:aws:iam::${squib.config.accountId}:root`;
    for (const name of ['CreateConsoleLink', 'ConsoleLogin', 'ListMicrovms']) {
      assert.equal(last(name)?.userIdentity.arn, root, name);
    }
    assert.equal(last('ConsoleLogin').eventType, 'AwsConsoleSignIn');
    assert.equal(last('ListMicrovms').sessionCredentialFromConsole, 'true');
    assert.ok(
      lines.some(({ eventName, errorCode }) => eventName === 'ConsoleLogin' && errorCode === 'LinkNotValid'),
    );
    const secrets = [link.split('=')[1], page.cookie?.split('=')[1], page['x-squib-console']];
    for (const secret of secrets) assert.ok(secret && !(text + squib.log).includes(secret));
    await squib.up();
    assert.equal((await ask(squib, 'GET', list, page)).status, 401, 'sessions end with the daemon');
  });
});

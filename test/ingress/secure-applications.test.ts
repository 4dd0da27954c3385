import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Bed } from './harness.ts';

/** P12: plain text first, then TLS. */
describe('applications that speak TLS', () => {
  let bed: Bed;
  before(async () => {
    bed = await Bed.start();
    const keys = join(bed.dataDir, 'keys');
    const pair = { cert: readFileSync(join(keys, 'tls.pem')), key: readFileSync(join(keys, 'tls.key')) };
    await bed.serve(
      8443,
      createServer(pair, (request, response) => {
        request.resume().on('end', () => response.end(`secure ${request.method} ${request.url}`));
      }) as unknown as Server,
    );
    await bed.serve(
      8444,
      createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
        response.end(`secure ${request.httpVersion} ${request.url}`);
      }) as unknown as Server,
    );
    await bed.serveRaw(7, (socket) => socket.once('data', () => socket.destroy()));
  });
  after(() => bed.stop());

  test('the first request finds out, the next ones know', async () => {
    const port = { 'x-aws-proxy-port': '8443' };
    assert.equal((await bed.get('/a', port)).text, 'secure GET /a');
    const dials = bed.guest.dials;
    assert.equal((await bed.get('/b', port)).text, 'secure GET /b');
    assert.equal((await bed.get('/c', port, { method: 'POST', body: 'x' })).text, 'secure POST /c');
    assert.equal(bed.guest.dials, dials, 'the connection is kept');
  });

  test('HTTP/2 in TLS, when it is forced', async () => {
    const forced = { 'x-aws-proxy-port': '8444', 'x-aws-proxy-force-h2': 'true' };
    assert.equal((await bed.get('/h2', forced)).text, 'secure 2.0 /h2');
    assert.equal((await bed.get('/h1', { 'x-aws-proxy-port': '8444' })).text, 'secure 1.1 /h1');
  });

  test('an application that hangs up on everything is asked once, not each time', async () => {
    const port = { 'x-aws-proxy-port': '7' };
    assert.equal((await bed.get('/', port)).status, 502);
    const dials = bed.guest.dials;
    assert.equal((await bed.get('/', port)).status, 502);
    assert.equal(bed.guest.dials, dials + 1);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Bed } from './harness.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('requests to a suspended MicroVM', () => {
  let bed: Bed;
  let received = 0;
  before(async () => {
    bed = await Bed.start();
    await bed.serve(
      8080,
      createServer((request, response) => {
        received++;
        if (request.url === '/never') return;
        if (request.url === '/stream') {
          response.write('begun');
          return;
        }
        let bytes = 0;
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        request.on('end', () => response.end(`${request.url} ${bytes}`));
      }),
    );
  });
  after(() => bed.stop());
  beforeEach(() => {
    bed.guest.suspend(bed.microvmId);
    bed.guest.resumeMs = 150;
    bed.guest.resumes = 0;
  });

  test('the first one is held and answered', async () => {
    const started = Date.now();
    const answer = await bed.get('/first');
    assert.equal(answer.text, '/first 0');
    assert.ok(Date.now() - started >= 145);
    assert.equal(bed.guest.resumes, 1);
  });

  test('fifty at once: one resume, all answered', async () => {
    const agent = new Agent({ keepAlive: false, maxSockets: 100 });
    const token = await bed.token();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        bed.ask({ agent, path: `/${at}`, headers: { 'x-aws-proxy-auth': token } }),
      ),
    );
    assert.deepEqual(
      answers.map((answer) => answer.text),
      Array.from({ length: 50 }, (_, at) => `/${at} 0`),
    );
    assert.equal(bed.guest.resumes, 1);
  });

  test('an upload waits with it', async () => {
    const answer = await bed.get('/up', {}, { method: 'POST', body: 'x'.repeat(2_000_000) });
    assert.equal(answer.text, '/up 2000000');
  });

  test('the client’s connection outlives the suspend', async () => {
    await bed.get('/a');
    bed.guest.suspend(bed.microvmId);
    const dials = bed.guest.dials;
    assert.equal((await bed.get('/b')).text, '/b 0');
    assert.equal(bed.guest.dials, dials + 1, 'the kept connection to the application was closed');
  });

  test('a client that leaves while held is not waited for', async () => {
    const token = await bed.token();
    const before = received;
    const request = httpsRequest(bed.options({ agent: false, headers: { 'x-aws-proxy-auth': token } }));
    request.on('error', () => {});
    request.end();
    await pause(60);
    request.destroy();
    await pause(200);
    assert.equal(received, before);
  });

  test('resume fails: 502, empty', async () => {
    bed.guest.failResume = true;
    const answer = await bed.get('/x');
    bed.guest.failResume = false;
    assert.deepEqual([answer.status, answer.text], [502, '']);
  });

  test('suspend cuts what is open: 502 before an answer, a broken connection after its beginning', async () => {
    bed.guest.resumeMs = 0;
    const before = received;
    const waiting = bed.get('/never');
    const headers = { 'x-aws-proxy-auth': await bed.token() };
    const streaming = httpsRequest(bed.options({ path: '/stream', agent: false, headers })).end();
    const [answer] = (await once(streaming, 'response')) as [IncomingMessage];
    while (received < before + 2) await pause(10);
    bed.guest.suspend(bed.microvmId);
    assert.equal((await waiting).status, 502);
    await assert.rejects(answer.toArray());
    assert.equal(bed.guest.state, 'suspended', 'what was cut does not resume it');
  });

  test('a MicroVM that is suspended between the answer of the directory and the dial is asked for again', async () => {
    bed.guest.resumeMs = 0;
    bed.guest.failDials = 1;
    assert.equal((await bed.get('/again')).text, '/again 0');
  });
});

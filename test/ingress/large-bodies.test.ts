import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { Bed } from './harness.ts';

const mebibyte = 1 << 20;
const block = Buffer.alloc(64 * 1024, 'squib');

function* blocks(bytes: number) {
  for (let sent = 0; sent < bytes; sent += block.length) yield block;
}

const digest = (bytes: number) => {
  const hash = createHash('sha1');
  for (const piece of blocks(bytes)) hash.update(piece);
  return hash.digest('hex');
};

describe('large bodies through the endpoint', () => {
  let bed: Bed;
  let peak = 0;
  let watch: NodeJS.Timeout;
  const size = 256 * mebibyte;
  const expected = digest(size);

  before(async () => {
    bed = await Bed.start();
    await bed.serve(
      8080,
      createServer((request, response) => {
        if (request.method === 'GET') {
          if (request.url === '/known') response.setHeader('content-length', size);
          pipeline(Readable.from(blocks(size)), response).catch(() => {});
          return;
        }
        const hash = createHash('sha1');
        request.on('data', (chunk: Buffer) => hash.update(chunk));
        request.on('end', () => response.end(hash.digest('hex')));
      }),
    );
    watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 20);
  });
  after(async () => {
    clearInterval(watch);
    await bed.stop();
  });

  /** Memory must not grow with the body; client, endpoint and application are all in this process. */
  async function flat(action: () => Promise<void>): Promise<void> {
    peak = process.memoryUsage.rss();
    const start = peak;
    await action();
    assert.ok(peak - start < 150 * mebibyte, `memory grew by ${Math.round((peak - start) / mebibyte)} MiB`);
  }

  for (const path of ['/known', '/unknown']) {
    test(`download of 256 MiB, length ${path.slice(1)}`, () =>
      flat(async () => {
        const token = await bed.token();
        const hash = createHash('sha1');
        await new Promise<void>((resolve, reject) => {
          httpsRequest(bed.options({ path, headers: { 'x-aws-proxy-auth': token } }), (response) => {
            response.on('data', (chunk: Buffer) => hash.update(chunk));
            response.on('end', resolve);
            response.on('error', reject);
          })
            .on('error', reject)
            .end();
        });
        assert.equal(hash.digest('hex'), expected);
      }));
  }

  test('upload of 256 MiB', () =>
    flat(async () => {
      const token = await bed.token();
      const text = await new Promise<string>((resolve, reject) => {
        const request = httpsRequest(
          bed.options({ method: 'PUT', headers: { 'x-aws-proxy-auth': token } }),
          (response) => {
            let body = '';
            response.on('data', (chunk) => {
              body += chunk;
            });
            response.on('end', () => resolve(body));
          },
        );
        request.on('error', reject);
        pipeline(Readable.from(blocks(size)), request).catch(reject);
      });
      assert.equal(text, expected);
    }));

  test('both directions over HTTP/2', () =>
    flat(async () => {
      const session = connect(`https://127.0.0.1:${bed.ingress.port}`, { ca: bed.ca, servername: bed.host });
      const headers = { ':authority': bed.host, 'x-aws-proxy-auth': await bed.token() };
      const down = session.request({ ...headers, ':path': '/known' });
      const hash = createHash('sha1');
      for await (const chunk of down) hash.update(chunk as Buffer);
      assert.equal(hash.digest('hex'), expected);
      const up = session.request({ ...headers, ':method': 'POST', ':path': '/' });
      let text = '';
      up.on('data', (chunk) => {
        text += chunk;
      });
      const done = new Promise((resolve) => up.on('end', resolve));
      await pipeline(Readable.from(blocks(size)), up);
      await done;
      assert.equal(text, expected);
      session.close();
    }));

  test('a client that does not read stops the application, not the endpoint', () =>
    flat(async () => {
      const socket = await bed.raw();
      socket.write(
        `GET /known HTTP/1.1\r\nHost: ${bed.host}\r\nX-aws-proxy-auth: ${await bed.token()}\r\n\r\n`,
      );
      socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 700));
      assert.equal((await bed.get('/', {}, { method: 'POST', body: 'x' })).status, 200);
      socket.destroy();
    }));
});

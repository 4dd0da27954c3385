import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Bed } from './harness.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Answer {
  headers: IncomingHttpHeaders & { ':status'?: number };
  trailers: IncomingHttpHeaders;
  text: string;
  rst: number;
}

describe('HTTP/2 through the endpoint', () => {
  let bed: Bed;
  let session: ClientHttp2Session;
  let token = '';
  let upstreamVersion = '';
  let upstreamHeaders: Record<string, unknown> = {};
  let cancelled = 0;
  let held = 0;

  before(async () => {
    bed = await Bed.start();
    token = await bed.token();
    await bed.serve(
      8080,
      createServer((request, response) => {
        upstreamVersion = request.httpVersion;
        upstreamHeaders = { ...request.headers, raw: request.rawHeaders };
        response.on('close', () => {
          if (!response.writableFinished) cancelled++;
        });
        if (request.url === '/never') {
          held++;
          return;
        }
        if (request.url === '/break') {
          response.writeHead(200, { 'content-type': 'text/plain' });
          response.write('half');
          setTimeout(() => response.socket!.destroy(), 20);
          return;
        }
        if (request.url === '/early') {
          response.end('early');
          return;
        }
        if (request.url === '/trailers') {
          response.writeHead(200, { trailer: 'x-sum' });
          response.write('part');
          response.addTrailers({ 'x-sum': '42' });
          response.end();
          return;
        }
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`));
      }),
    );
    const h2c = createHttp2Server();
    h2c.on('stream', (stream, headers) => {
      upstreamVersion = '2';
      upstreamHeaders = { ...headers };
      stream.on('error', () => {});
      stream.on('aborted', () => cancelled++);
      const path = headers[':path'];
      if (path === '/svc/Unary') {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          stream.on('wantTrailers', () =>
            stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }),
          );
          stream.end(Buffer.concat(chunks));
        });
      } else if (path === '/svc/TrailersOnly') {
        stream.resume();
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' },
          { endStream: true },
        );
      } else if (path === '/svc/Bidi') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.on('data', (chunk: Buffer) => stream.write(chunk.toString().toUpperCase()));
        stream.on('end', () => stream.end('last'));
      } else if (path === '/svc/Reset') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write('x');
        setTimeout(() => stream.destroy(new Error('no more')), 30);
      } else if (path === '/svc/Wait') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      } else {
        stream.respond({ ':status': 200 });
        stream.end(`h2c ${path}`);
      }
    });
    await bed.serve(50051, h2c as unknown as Server);
    session = connect(`https://127.0.0.1:${bed.ingress.port}`, { ca: bed.ca, servername: bed.host });
    session.on('error', () => {});
  });
  after(async () => {
    session.destroy();
    await bed.stop();
  });

  function start(headers: OutgoingHttpHeaders, endStream = false): ClientHttp2Stream {
    return session.request(
      { ':authority': bed.host, ':path': '/', 'x-aws-proxy-auth': token, ...headers },
      { endStream },
    );
  }

  function collect(stream: ClientHttp2Stream): Promise<Answer> {
    return new Promise((resolve) => {
      const answer: Answer = { headers: {}, trailers: {}, text: '', rst: 0 };
      stream.on('response', (headers) => {
        answer.headers = headers;
      });
      stream.on('trailers', (trailers) => {
        answer.trailers = trailers;
      });
      stream.on('data', (chunk) => {
        answer.text += chunk;
      });
      stream.on('error', () => {});
      stream.on('close', () => {
        answer.rst = stream.rstCode;
        resolve(answer);
      });
    });
  }

  function ask(headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer> {
    const stream = start(headers, body === undefined);
    const answer = collect(stream);
    if (body !== undefined) stream.end(body);
    return answer;
  }

  const grpc = {
    ':method': 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
    'x-aws-proxy-port': '50051',
  };

  test('the client speaks HTTP/2, the application HTTP/1.1', async () => {
    const answer = await ask({ ':path': '/path?q=1', cookie: ['a=1', 'b=2'], 'x-more': ['1', '2'] });
    assert.equal(answer.headers[':status'], 200);
    assert.equal(answer.text, 'GET /path?q=1 ');
    assert.equal(upstreamVersion, '1.1');
    assert.equal(upstreamHeaders.host, bed.host);
    assert.equal(upstreamHeaders.cookie, 'a=1; b=2');
    assert.equal(upstreamHeaders['x-more'], '1, 2');
    assert.equal(upstreamHeaders['x-aws-proxy-auth'], undefined);
    assert.equal(upstreamHeaders['x-amzn-requestid'], answer.headers['x-amzn-requestid']);
    assert.equal(answer.headers.connection, undefined);
  });

  test('bodies with and without length, and of no bytes', async () => {
    assert.equal((await ask({ ':method': 'POST' }, 'hello')).text, 'POST / hello');
    assert.equal(upstreamHeaders['transfer-encoding'], 'chunked');
    assert.equal((await ask({ ':method': 'PUT', 'content-length': '5' }, 'hello')).text, 'PUT / hello');
    assert.equal(upstreamHeaders['content-length'], '5');
    assert.equal((await ask({ ':method': 'POST' })).text, 'POST / ');
    assert.equal((await ask({ ':method': 'POST' }, '')).text, 'POST / ');
    const head = await ask({ ':method': 'HEAD' });
    assert.deepEqual([head.headers[':status'], head.text], [200, '']);
  });

  test('a length that is a lie costs the client its connection and reaches no application', async () => {
    for (const body of ['hello, this is more than five', 'hi']) {
      const liar = connect(`https://127.0.0.1:${bed.ingress.port}`, { ca: bed.ca, servername: bed.host });
      liar.on('error', () => {});
      const headers = {
        ':method': 'POST',
        ':path': '/lie',
        ':authority': bed.host,
        'x-aws-proxy-auth': token,
      };
      const stream = liar.request({ ...headers, 'content-length': '5' });
      const answer = collect(stream);
      stream.end(body);
      assert.notEqual((await answer).headers[':status'], 200);
      liar.destroy();
    }
    assert.equal((await ask({ ':path': '/after' })).text, 'GET /after ');
  });

  test('trailers of an HTTP/1.1 application', async () => {
    const answer = await ask({ ':path': '/trailers' });
    assert.equal(answer.text, 'part');
    assert.equal(answer.trailers['x-sum'], '42');
  });

  test('an answer before the end of the upload stops the upload', async () => {
    const stream = start({ ':method': 'POST', ':path': '/early' });
    const answer = collect(stream);
    stream.write(Buffer.alloc(100_000));
    assert.equal((await answer).text, 'early');
  });

  test('half an answer, and half an upload, never look whole', async () => {
    const answer = await ask({ ':path': '/break' });
    assert.equal(answer.rst, constants.NGHTTP2_INTERNAL_ERROR);
    let ended = false;
    const upload = createHttp2Server();
    upload.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.resume().on('end', () => {
        ended = stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted;
      });
    });
    await bed.serve(50052, upload as unknown as Server);
    const stream = start({ ...grpc, 'x-aws-proxy-port': '50052' });
    stream.on('error', () => {});
    stream.write('half');
    await pause(100);
    stream.destroy(new Error('gone'));
    await pause(100);
    assert.equal(ended, false);
  });

  test('a cancelled request is cancelled at the application', async () => {
    const stream = start({ ':path': '/never' }, true);
    stream.on('error', () => {});
    while (held === 0) await pause(5);
    const count = cancelled;
    stream.close(constants.NGHTTP2_CANCEL);
    while (cancelled === count) await pause(5);
  });

  test('many at once share the session', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => ask({ ':path': `/${at}` })));
    assert.ok(answers.every((answer, at) => answer.text === `GET /${at} `));
  });

  test('forced HTTP/2 to the application, from either kind of client', async () => {
    const forced = { 'x-aws-proxy-force-h2': 'true', 'x-aws-proxy-port': '50051' };
    const answer = await ask({ ...forced, ':path': '/forced' });
    assert.equal(answer.text, 'h2c /forced');
    assert.equal(upstreamHeaders[':authority'], bed.host);
    assert.equal(upstreamHeaders['x-aws-proxy-force-h2'], undefined);
    const one = await bed.get('/one', forced);
    assert.equal(one.text, 'h2c /one');
    assert.equal(upstreamVersion, '2');
  });

  test('gRPC, unary: content type decides, trailers and te pass', async () => {
    const answer = await ask({ ...grpc, ':path': '/svc/Unary', 'grpc-timeout': '5S' }, 'message');
    assert.equal(answer.text, 'message');
    assert.equal(answer.trailers['grpc-status'], '0');
    assert.equal(answer.trailers['grpc-message'], 'fine');
    assert.equal(upstreamHeaders.te, 'trailers');
    assert.equal(upstreamHeaders['grpc-timeout'], '5S');
  });

  test('gRPC, answer of trailers only', async () => {
    const answer = await ask({ ...grpc, ':path': '/svc/TrailersOnly' }, 'x');
    assert.equal(answer.headers['grpc-status'], '5');
    assert.equal(answer.rst, 0);
  });

  test('gRPC, both directions at once', async () => {
    const stream = start({ ...grpc, ':path': '/svc/Bidi' });
    const answer = collect(stream);
    for (const word of ['one', 'two', 'three']) {
      const back = new Promise((resolve) => stream.once('data', resolve));
      stream.write(word);
      assert.equal(String(await back), word.toUpperCase());
    }
    stream.end();
    assert.equal((await answer).trailers['grpc-status'], '0');
    assert.match((await answer).text, /last$/);
  });

  test('gRPC, reset by the application and cancelled by the client', async () => {
    const reset = await ask({ ...grpc, ':path': '/svc/Reset' }, 'x');
    assert.equal(reset.rst, constants.NGHTTP2_INTERNAL_ERROR);
    const count = cancelled;
    const stream = start({ ...grpc, ':path': '/svc/Wait' });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('response', resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await pause(100);
    assert.equal(cancelled, count + 1);
  });

  test('gRPC, denied: HTTP status without grpc-status', async () => {
    const answer = await ask({ ...grpc, 'x-aws-proxy-auth': 'abc' }, 'x');
    assert.equal(answer.headers[':status'], 403);
    assert.equal(answer.headers['grpc-status'], undefined);
  });

  test('gRPC-Web is HTTP/1.1 to the application', async () => {
    await ask({ ':method': 'POST', 'content-type': 'application/grpc-web+proto' }, 'x');
    assert.equal(upstreamVersion, '1.1');
  });

  test('suspend ends gRPC streams, and the next one resumes', async () => {
    const stream = start({ ...grpc, ':path': '/svc/Wait' });
    const answer = collect(stream);
    await new Promise((resolve) => stream.once('response', resolve));
    bed.guest.suspend(bed.microvmId);
    assert.notEqual((await answer).rst, 0);
    const next = await ask({ ...grpc, ':path': '/svc/Unary' }, 'again');
    assert.equal(next.text, 'again');
  });

  test('malformed heads', async () => {
    const rows: OutgoingHttpHeaders[] = [
      { ':path': 'relative' },
      { ':authority': 'a@b' },
      { host: 'other.example' },
      { 'content-length': '5' },
      { ':path': '/a b' },
    ];
    for (const headers of rows) {
      const answer = await ask(headers);
      assert.ok(answer.headers[':status'] === 400 || answer.rst !== 0, JSON.stringify(headers));
    }
  });

  test('rapid reset ends the connection of who does it, and nobody else’s', async () => {
    const attacker = connect(`https://127.0.0.1:${bed.ingress.port}`, { ca: bed.ca, servername: bed.host });
    attacker.on('error', () => {});
    const closed = new Promise<void>((resolve) => attacker.on('close', () => resolve()));
    for (let round = 0; round < 60 && !attacker.destroyed && !attacker.closed; round++) {
      const streams = Array.from({ length: 50 }, () =>
        attacker.request({ ':authority': bed.host, ':path': '/never', 'x-aws-proxy-auth': token }),
      );
      for (const stream of streams) stream.on('error', () => {});
      await pause(5);
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await pause(5);
    }
    await Promise.race([closed, pause(3000).then(() => assert.fail('still open'))]);
    assert.equal((await ask({ ':path': '/alive' })).text, 'GET /alive ');
  });
});

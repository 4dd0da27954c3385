import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Bed } from './harness.ts';

/** Heads that parsers read in different ways must not reach an application, nor may what follows them. */
describe('malformed and smuggled requests', () => {
  let bed: Bed;
  let token = '';
  const reached: string[] = [];

  before(async () => {
    bed = await Bed.start();
    token = await bed.token();
    await bed.serve(
      8080,
      createServer({ maxHeaderSize: 40_000 }, (request, response) => {
        reached.push(`${request.method} ${request.url}`);
        request.resume().on('end', () => response.end('reached'));
      }),
    );
  });
  after(() => bed.stop());

  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const head = (line: string, ...fields: string[]) =>
    `${[line, `Host: ${bed.host}`, `X-aws-proxy-auth: ${token}`, ...fields].join('\r\n')}\r\n\r\n`;

  async function refuses(bytes: string, name: string, status = 400) {
    reached.length = 0;
    const answer = await bed.sends(bytes, 1000);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name);
    assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, `${name}: one answer`);
    assert.deepEqual(reached, [], name);
  }

  test('body lengths that can be read in two ways', async () => {
    const rows: [string, string[]][] = [
      ['length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
      ['two lengths', ['Content-Length: 4', 'Content-Length: 5']],
      ['the same length twice', ['Content-Length: 4', 'Content-Length: 4']],
      ['list of lengths', ['Content-Length: 4, 4']],
      ['sign', ['Content-Length: +4']],
      ['negative', ['Content-Length: -4']],
      ['hexadecimal', ['Content-Length: 0x4']],
      ['space inside', ['Content-Length: 4 4']],
      ['empty', ['Content-Length:']],
      ['huge', ['Content-Length: 99999999999999999999']],
      ['unknown coding', ['Transfer-Encoding: gzip']],
      ['chunked not last', ['Transfer-Encoding: chunked, identity']],
      ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
      ['disguised', ['Transfer-Encoding: xchunked']],
      ['quoted', ['Transfer-Encoding: "chunked"']],
      ['tab inside', ['Transfer-Encoding: chun\tked']],
    ];
    for (const [name, fields] of rows) await refuses(head('POST / HTTP/1.1', ...fields) + smuggled, name);
    await refuses(head('POST / HTTP/1.0', 'Transfer-Encoding: chunked') + smuggled, 'chunks in HTTP/1.0');
  });

  test('lines that are none', async () => {
    const rows: [string, string][] = [
      ['space before the colon', head('GET / HTTP/1.1', 'Content-Length : 4')],
      ['continued line', head('GET / HTTP/1.1', 'X-A: b', ' Transfer-Encoding: chunked')],
      ['no name', head('GET / HTTP/1.1', ': value')],
      ['no colon', head('GET / HTTP/1.1', 'nonsense')],
      ['NUL', head('GET / HTTP/1.1', 'X-A: b\0c')],
      ['bare CR', head('GET / HTTP/1.1', 'X-A: b\rX-B: c')],
      ['bare LF', head('GET / HTTP/1.1', 'X-A: b\nX-B: c')],
      ['brackets in a name', head('GET / HTTP/1.1', 'X[A]: b')],
      ['byte above ASCII in a name', head('GET / HTTP/1.1', 'X-\xe4: b')],
      ['two spaces', head('GET  / HTTP/1.1')],
      ['no version', head('GET /')],
      ['HTTP/2 in HTTP/1', head('GET / HTTP/2.0')],
      ['lower-case version', head('GET / http/1.1')],
      ['HTTP/1.2', head('GET / HTTP/1.2')],
      ['space in the target', head('GET /a b HTTP/1.1')],
      ['control in the target', head('GET /a\x01b HTTP/1.1')],
      ['fragment', head('GET /a#b HTTP/1.1')],
      ['relative target', head('GET a HTTP/1.1')],
      ['CONNECT', head('CONNECT example.com:443 HTTP/1.1')],
      ['target of another host', head('GET https://other.example/ HTTP/1.1')],
      ['target with user', head(`GET https://a@${bed.host}/ HTTP/1.1`)],
      ['asterisk', head('GET * HTTP/1.1')],
      ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['two hosts', head('GET / HTTP/1.1', 'Host: other')],
      ['no host', `GET / HTTP/1.1\r\nx-aws-proxy-auth: ${token}\r\n\r\n`],
      ['host with path', `GET / HTTP/1.1\r\nHost: ${bed.host}/x\r\nx-aws-proxy-auth: ${token}\r\n\r\n`],
      ['host with user', `GET / HTTP/1.1\r\nHost: a@${bed.host}\r\nx-aws-proxy-auth: ${token}\r\n\r\n`],
      ['garbage', '\x16\x03\x01\x02\x00\x01\r\n\r\n'],
    ];
    for (const [name, bytes] of rows) await refuses(bytes + smuggled, name);
  });

  test('heads that are too large', async () => {
    await refuses(head('GET / HTTP/1.1', `X-Large: ${'x'.repeat(40_000)}`), 'bytes', 431);
    await refuses(
      head('GET / HTTP/1.1', ...Array.from({ length: 250 }, (_, at) => `X-${at}: y`)),
      'fields',
      400,
    );
    const fits = await bed.sends(
      head('GET / HTTP/1.1', `X-Large: ${'x'.repeat(16_384)}`, 'Connection: close'),
    );
    assert.match(fits, /^HTTP\/1\.1 200 /);
  });

  test('chunks that are none end the connection, and nothing follows', async () => {
    const rows = [
      'x\r\n',
      '-1\r\n',
      '0x5\r\nhello\r\n0\r\n\r\n',
      '5\nhello\r\n0\r\n\r\n',
      '5\r\nhelloX\r\n0\r\n\r\n',
      '5\r\nhello\n0\r\n\r\n',
      ' 5\r\nhello\r\n0\r\n\r\n',
      'fffffffffffffffff\r\n',
      `5;${'e'.repeat(2000)}\r\nhello\r\n0\r\n\r\n`,
      '5;a\0b\r\nhello\r\n0\r\n\r\n',
      '0\r\nBad Trailer: x\r\n\r\n',
      '0\r\nX: a\nContent-Length: 3\r\n\r\n',
    ];
    for (const body of rows) {
      reached.length = 0;
      await bed.sends(head('POST /chunks HTTP/1.1', 'Transfer-Encoding: chunked') + body + smuggled, 600);
      assert.ok(!reached.includes('GET /smuggled'), JSON.stringify(body.slice(0, 40)));
    }
  });

  test('what follows a request is the next one, and needs its own token', async () => {
    reached.length = 0;
    const bytes = `${head('POST /one HTTP/1.1', 'Content-Length: 3')}abc${smuggled}`;
    const answer = await bed.sends(bytes, 300);
    assert.match(
      answer,
      /^HTTP\/1\.1 200 [\s\S]*reachedHTTP\/1\.1 403 [\s\S]*Request missing authentication$/,
    );
    assert.deepEqual(reached, ['POST /one']);
  });

  test('trailers carry no field that routes, frames or authenticates', async () => {
    let trailers: NodeJS.Dict<string> = {};
    await bed.serve(
      82,
      createServer((request, response) => {
        request.resume().on('end', () => {
          trailers = request.trailers;
          response.end();
        });
      }),
    );
    await bed.sends(
      head('POST / HTTP/1.1', 'X-aws-proxy-port: 82', 'Transfer-Encoding: chunked', 'Connection: close') +
        '0\r\nHost: evil\r\nContent-Length: 5\r\nX-aws-proxy-auth: t\r\nAuthorization: a\r\nX-Good: 1\r\n\r\n',
    );
    assert.deepEqual({ ...trailers }, { 'x-good': '1' });
  });

  test('a head that comes byte by byte is read', async () => {
    const socket = await bed.raw();
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    for (const byte of head('GET /slow HTTP/1.1', 'Connection: close')) {
      socket.write(byte);
      if (Math.random() < 0.02) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => socket.on('close', resolve));
    assert.match(text, /reached$/);
  });

  test('a thousand damaged heads: an answer or a closed connection each time, and the endpoint goes on', async () => {
    // Deterministic: a linear congruential generator with a fixed seed.
    let seed = 20_261_122;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const whole = head(
      'POST /fuzz?x=1 HTTP/1.1',
      'Content-Length: 3',
      'Connection: keep-alive',
      'TE: trailers',
    );
    const odd = [
      '\r',
      '\n',
      '\0',
      ' ',
      '\t',
      ':',
      ',',
      ';',
      '\xff',
      '\x7f',
      'Transfer-Encoding: chunked\r\n',
      '\r\n',
    ];
    const allowed = /^(?:HTTP\/1\.1 (?:200|400|403|408|431|502) |$)/;
    const check = async () => {
      const bytes = [...whole];
      for (let change = 0; change <= random(4); change++) {
        const at = random(bytes.length);
        const kind = random(3);
        if (kind === 0) bytes.splice(at, 1 + random(5));
        else if (kind === 1) bytes.splice(at, 0, odd[random(odd.length)]!);
        else bytes[at] = String.fromCharCode(random(256));
      }
      reached.length = 0;
      const answer = await bed.sends(`${bytes.join('')}abc`, 60);
      assert.match(answer, allowed);
    };
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 25 }, check));
    }
    assert.equal((await bed.get('/alive')).text, 'reached');
    assert.equal(bed.lines.filter((line) => line.level === 'error').length, 0);
  });
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { patience } from '../../src/ingress/http1/client-connection.ts';
import { Bed } from './harness.ts';

test('slow heads, idle connections and unwanted bodies are ended; slow applications are waited for', async () => {
  const before = { ...patience };
  Object.assign(patience, { head: 600, idle: 600, drain: 600 });
  const bed = await Bed.start();
  try {
    await bed.serve(
      8080,
      createServer((_request, response) => {
        setTimeout(() => response.end('late'), 2500);
      }),
    );
    const token = await bed.token();
    const [silent, slow, unwanted, patient] = await Promise.all([
      bed.sends('', 4000),
      bed.sends('GET / HTTP/1.1\r\nHost: x\r\n', 4000),
      bed.sends(`POST / HTTP/1.1\r\nHost: ${bed.host}\r\nContent-Length: 1000\r\n\r\nsome`, 4000),
      bed.sends(`GET / HTTP/1.1\r\nHost: ${bed.host}\r\nX-aws-proxy-auth: ${token}\r\n\r\n`, 4000),
    ]);
    assert.equal(silent, '');
    assert.match(slow, /^HTTP\/1\.1 408 /);
    assert.match(unwanted, /^HTTP\/1\.1 403 /);
    assert.match(patient, /late$/);
  } finally {
    Object.assign(patience, before);
    await bed.stop();
  }
});

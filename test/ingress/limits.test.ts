import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { awsLimits, type GuestLimits, guestLimits } from '../../src/ingress/limits/guest-limits.ts';
import { TokenBucket } from '../../src/ingress/limits/token-bucket.ts';
import { Bed } from './harness.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function limited(limits: GuestLimits, check: (bed: Bed) => Promise<void>): Promise<void> {
  const bed = await Bed.start({ limits: () => limits });
  try {
    await bed.serve(
      8080,
      createServer((request, response) => {
        if (request.url === '/wait') setTimeout(() => response.end('waited'), 200);
        else if (request.url === '/large') response.end(Buffer.alloc(600_000));
        else request.resume().on('end', () => response.end('done'));
      }),
    );
    await check(bed);
  } finally {
    await bed.stop();
  }
}

describe('limits of one MicroVM', () => {
  test('AWS’s figures', () => {
    assert.deepEqual(awsLimits(512), { connections: 8, requestsPerSecond: 10, bytesPerSecond: 1 << 20 });
    assert.deepEqual(awsLimits(2048), { connections: 32, requestsPerSecond: 40, bytesPerSecond: 4 << 20 });
    assert.deepEqual(awsLimits(8192), { connections: 128, requestsPerSecond: 160, bytesPerSecond: 16 << 20 });
  });

  test('a profile, and single numbers instead of its own', () => {
    const own = { connections: 0, requestsPerSecond: 0, bytesPerSecond: 0 };
    assert.deepEqual(guestLimits({ profile: 'none', ...own }, 2048), {});
    assert.deepEqual(guestLimits({ profile: 'aws', ...own }, 2048), awsLimits(2048));
    assert.deepEqual(guestLimits({ profile: 'aws', ...own, connections: 5 }, 2048), {
      ...awsLimits(2048),
      connections: 5,
    });
    assert.deepEqual(guestLimits({ profile: 'none', ...own, bytesPerSecond: 1000 }, 512), {
      bytesPerSecond: 1000,
    });
  });

  test('a bucket: burst, then the rate', () => {
    let now = 0;
    const bucket = new TokenBucket(10, 3, () => now);
    const taken = () => [bucket.tryTake(), bucket.tryTake(), bucket.tryTake(), bucket.tryTake()];
    assert.deepEqual(taken(), [true, true, true, false]);
    now += 200;
    assert.deepEqual(taken(), [true, true, false, false]);
    now += 60_000;
    assert.deepEqual(taken(), [true, true, true, false]);
    assert.equal(bucket.spend(5), 500);
  });

  test('too many requests at a time, and too many in a second: 429', async () => {
    await limited({ connections: 3 }, async (bed) => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => bed.get('/wait')));
      assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 200, 200, 429, 429]);
      assert.equal((await bed.get('/')).status, 200);
    });
    await limited({ requestsPerSecond: 5 }, async (bed) => {
      const start = Date.now();
      const answers = await Promise.all(Array.from({ length: 60 }, () => bed.get('/')));
      const good = answers.filter((answer) => answer.status === 200).length;
      const most = 10 + Math.ceil(((Date.now() - start) / 1000) * 5);
      assert.ok(good >= 10 && good <= most, `${good} of at most ${most}`);
      assert.match(answers.find((answer) => answer.status === 429)!.headers['content-type']!, /text\/plain/);
      await pause(450);
      assert.equal((await bed.get('/')).status, 200);
    });
  });

  test('bandwidth slows down and refuses nothing', async () => {
    await limited({ bytesPerSecond: 600_000 }, async (bed) => {
      const started = Date.now();
      assert.equal((await bed.get('/large')).body.length, 600_000);
      const down = Date.now() - started;
      assert.ok(down > 600, `${down} ms down`);
      const again = Date.now();
      assert.equal((await bed.get('/', {}, { method: 'POST', body: 'x'.repeat(600_000) })).text, 'done');
      const up = Date.now() - again;
      assert.ok(up > 600, `${up} ms up`);
    });
  });
});

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GetMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { metrics } from '../../src/metrics/metrics.ts';
import { type Family, parseExposition, sumOf } from '../metrics/exposition.ts';
import { buildProbe } from '../support/images.ts';
import { crash, suspend, terminate } from '../support/lifecycle.ts';
import { run } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

describe('what squib tells about itself', () => {
  let squib: TestSquib;
  let image: string;
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${squib.config.api.port}${path}`, init);
  const token = () => readFileSync(join(squib.layout.keys, 'metrics-token'), 'utf8').trim();
  const scrape = async (): Promise<Map<string, Family>> => {
    const answer = await ask('/metrics', { headers: { authorization: `Bearer ${token()}` } });
    assert.equal(answer.status, 200);
    return parseExposition(await answer.text());
  };

  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib?.remove());

  test('health and readiness answer everybody, and nothing but GET and HEAD', async () => {
    for (const [path, status] of [
      ['/_squib/health', 'ok'],
      ['/_squib/ready', 'ready'],
    ] as const) {
      const answer = await ask(path);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assert.deepEqual(await answer.json(), { status });
      assert.equal((await ask(path, { method: 'HEAD' })).status, 200);
      assert.equal((await ask(path, { method: 'POST', body: '{}' })).status, 405);
    }
  });

  test('metrics are for who has the token, which only root can read', async () => {
    assert.equal(statSync(join(squib.layout.keys, 'metrics-token')).mode & 0o777, 0o600);
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer x',
      `Bearer ${token()}x`,
      `Basic ${token()}`,
    ]) {
      const answer = await ask('/metrics', { headers: authorization === undefined ? {} : { authorization } });
      assert.equal(answer.status, 401, authorization);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.doesNotMatch(await answer.text(), /squib_/);
    }
    const answer = await ask('/metrics', { headers: { authorization: `Bearer ${token()}` } });
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const families = parseExposition(await answer.text());
    assert.deepEqual(
      [...families.keys()],
      Object.values(metrics).map(({ name }) => name),
    );
    assert.ok(!squib.log.includes(token()));
  });

  test('a bucket called metrics is still a bucket', async () => {
    await squib.clients.s3.send(new CreateBucketCommand({ Bucket: 'metrics' }));
    const { KeyCount } = await squib.clients.s3.send(new ListObjectsV2Command({ Bucket: 'metrics' }));
    assert.equal(KeyCount, 0);
  });

  test('calls are counted by operation and status; what callers make up makes no series', async () => {
    const missing = new GetMicrovmCommand({ microvmIdentifier: 'microvm-none' });
    await assert.rejects(squib.clients.microvms.send(missing));
    for (const action of ['Logs_20140328.MadeUp', 'Logs_20140328.MadeUpToo']) {
      await ask('/', { method: 'POST', headers: { 'x-amz-target': action }, body: '{}' });
    }
    await ask('/2025-09-09/microvms/microvm-none');
    const families = await scrape();
    const count = (labels: Record<string, string>) => sumOf(families, 'squib_api_requests_total', labels);
    assert.equal(count({ service: 'lambda', operation: 'GetMicrovm', code: '404' }), 1);
    assert.ok((count({ service: 'unknown', operation: 'Unknown', code: '403' }) ?? 0) >= 1);
    const named = families.get('squib_api_requests_total')?.samples.map(({ labels }) => labels.operation);
    assert.ok(!named?.some((operation) => operation?.startsWith('MadeUp')));
    assert.equal(
      sumOf(families, 'squib_api_request_duration_seconds', { operation: 'GetMicrovm' }),
      count({ operation: 'GetMicrovm' }),
    );
  });

  test('a life of a MicroVM leaves its traces, but neither names nor ids', async () => {
    image = await buildProbe(squib);
    const microvm = await run(squib, image);
    await microvm.json('/');
    const running = await scrape();
    assert.equal(sumOf(running, 'squib_microvms', { state: 'RUNNING' }), 1);
    assert.equal(sumOf(running, 'squib_images', { state: 'CREATED' }), 1);
    assert.equal(sumOf(running, 'squib_memory_allocated_bytes'), 512 * 1024 ** 2);
    assert.ok((sumOf(running, 'squib_microvms_resident_bytes') ?? 0) > 1024 ** 2);
    assert.ok((sumOf(running, 'squib_microvms_own_bytes') ?? 0) > 1024 ** 2);
    assert.ok((sumOf(running, 'squib_microvms_disk_bytes') ?? 0) > 0);
    assert.ok((sumOf(running, 'squib_microvms_cpu_seconds_total') ?? 0) > 0);

    await suspend(squib, microvm.id);
    const asleep = await scrape();
    assert.equal(sumOf(asleep, 'squib_microvms', { state: 'SUSPENDED' }), 1);
    assert.equal(sumOf(asleep, 'squib_microvms_resident_bytes'), 0);
    await microvm.json('/');
    const awake = await scrape();
    assert.ok((sumOf(awake, 'squib_endpoint_bytes_total', { direction: 'sent' }) ?? 0) > 0);
    await terminate(squib, microvm.id);

    const families = await scrape();
    assert.equal(sumOf(families, 'squib_microvms'), 0);
    for (const step of ['run', 'suspend', 'resume', 'terminate'] as const) {
      assert.equal(sumOf(families, 'squib_microvm_step_duration_seconds', { step, result: 'ok' }), 1, step);
      assert.equal(sumOf(families, 'squib_hook_duration_seconds', { hook: step, result: 'ok' }), 1, step);
    }
    assert.equal(sumOf(families, 'squib_microvm_step_duration_seconds', { step: 'restore' }), 2);
    assert.equal(sumOf(families, 'squib_hook_duration_seconds', { hook: 'ready', result: 'ok' }), 1);
    for (const phase of ['fetch', 'container', 'snapshot', 'all']) {
      assert.equal(sumOf(families, 'squib_build_phase_duration_seconds', { phase, result: 'ok' }), 1, phase);
    }
    assert.equal(sumOf(families, 'squib_suspend_dirty_bytes'), 1);
    assert.equal(sumOf(families, 'squib_microvm_starts_total', { from: 'snapshot' }), 1);
    assert.equal(sumOf(families, 'squib_endpoint_requests_total', { protocol: 'http/1.1', code: '2xx' }), 2);
    // What has been counted does not go back when a MicroVM ends.
    for (const name of ['squib_microvms_cpu_seconds_total', 'squib_endpoint_bytes_total']) {
      assert.ok((sumOf(families, name) ?? 0) >= (sumOf(awake, name) ?? 0), name);
    }
    const labels = [...families.values()].flatMap(({ samples }) => samples.map((sample) => sample.labels));
    const told = JSON.stringify(labels);
    for (const secret of [microvm.id, 'probe', squib.config.accountId])
      assert.ok(!told.includes(secret), secret);
  });

  test('counters begin anew with the daemon: what a MicroVM had used before is not counted twice', async () => {
    const microvm = await run(squib, image);
    await microvm.json('/');
    const name = 'squib_endpoint_bytes_total';
    assert.ok((sumOf(await scrape(), name) ?? 0) > 0);
    await crash(squib);
    assert.equal(sumOf(await scrape(), name) ?? 0, 0);
    await microvm.json('/');
    assert.ok((sumOf(await scrape(), name) ?? 0) > 0);
    await terminate(squib, microvm.id);
  });

  test('the token may stand in a file of the operator', async () => {
    const file = join(squib.config.dataDir, 'scrape-token');
    writeFileSync(file, 'a-token-of-the-operator\n');
    const other = await TestSquib.start({ metrics: { tokenFile: file } });
    try {
      const answer = await fetch(`http://127.0.0.1:${other.config.api.port}/metrics`, {
        headers: { authorization: 'Bearer a-token-of-the-operator' },
      });
      assert.equal(answer.status, 200);
    } finally {
      await other.remove();
    }
    writeFileSync(file, 'short\n');
    await assert.rejects(TestSquib.start({ metrics: { tokenFile: file } }), /too short/);
  });
});

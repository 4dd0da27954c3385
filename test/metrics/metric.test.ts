import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Gauge, Histogram } from '../../src/metrics/metric.ts';
import { metrics, renderMetrics, timed } from '../../src/metrics/metrics.ts';
import { parseExposition, sumOf } from './exposition.ts';

test('a counter and a gauge: one series for each set of values, escaped', () => {
  const counter = new Counter('c_total', 'Counts.', ['a', 'b']);
  counter.add(1, 'x', 'y');
  counter.add(2, 'x', 'y');
  counter.add(1, 'quote" back\\ line\n', '');
  assert.equal(
    counter.render(),
    [
      '# HELP c_total Counts.',
      '# TYPE c_total counter',
      'c_total{a="x",b="y"} 3',
      'c_total{a="quote\\" back\\\\ line\\n",b=""} 1',
    ].join('\n'),
  );
  const gauge = new Gauge('g', 'Goes.');
  assert.match(gauge.render(), /^g 0$/m);
  gauge.set(-1.5);
  assert.match(gauge.render(), /^g -1.5$/m);
});

test('a histogram counts each value in every bucket that is large enough', () => {
  const histogram = new Histogram('h', 'Spreads.', [1, 2], ['l']);
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value, 'v');
  assert.deepEqual(histogram.render().split('\n').slice(2), [
    'h_bucket{l="v",le="1"} 2',
    'h_bucket{l="v",le="2"} 3',
    'h_bucket{l="v",le="+Inf"} 4',
    'h_sum{l="v"} 12',
    'h_count{l="v"} 4',
  ]);
  assert.match(new Histogram('empty', 'Nothing yet.', [1]).render(), /^empty_count 0$/m);
});

test('what is timed is passed on, and counted by how it ended', async () => {
  const histogram = new Histogram('t', 'Takes.', [1], ['step', 'result']);
  assert.equal(await timed(histogram, 'a', async () => 7), 7);
  await assert.rejects(
    timed(histogram, 'a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  const families = parseExposition(`${histogram.render()}\n`);
  assert.equal(sumOf(families, 't', { step: 'a', result: 'ok' }), 1);
  assert.equal(sumOf(families, 't', { step: 'a', result: 'failed' }), 1);
});

test('all of them together are what Prometheus reads; names have their units', () => {
  const families = parseExposition(renderMetrics());
  assert.deepEqual(
    [...families.keys()],
    Object.values(metrics).map(({ name }) => name),
  );
  for (const [name, { type }] of families) {
    if (type === 'counter') assert.match(name, /_total$/);
    else assert.doesNotMatch(name, /_total$/);
    if (type === 'histogram') assert.match(name, /_(seconds|bytes)$/);
  }
});

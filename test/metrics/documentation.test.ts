// The table of the documentation, the dashboard and the metrics themselves name the same things.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Histogram } from '../../src/metrics/metric.ts';
import { metrics } from '../../src/metrics/metrics.ts';

const file = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const known = Object.values(metrics);

/** Names that a query may use, with their labels. */
const series = new Map(
  known.flatMap((metric) => {
    const { name, labels } = metric;
    if (!(metric instanceof Histogram)) return [[name, labels] as const];
    return [
      [`${name}_bucket`, [...labels, 'le']] as const,
      [`${name}_sum`, labels] as const,
      [`${name}_count`, labels] as const,
    ];
  }),
);

test('the table of metrics is complete: names, kinds and labels', () => {
  const rows = [...file('observability.md').matchAll(/^\| `([a-z_0-9]+)` \| (\w+) \|([^|]*)\|/gm)];
  const documented = rows.map(([, name, kind, labels]) => `${name} ${kind} ${labels?.trim()}`.trimEnd());
  const expected = known.map(
    ({ name, kind, labels }) => `${name} ${kind} ${labels.map((label) => `\`${label}\``).join(', ')}`,
  );
  assert.deepEqual(documented.sort(), expected.map((line) => line.trimEnd()).sort());
});

interface Panel {
  title: string;
  targets?: { expr: string; legendFormat?: string }[];
}

test('the dashboard asks for what there is, and shows all of it', () => {
  const dashboard = JSON.parse(file('grafana-dashboard.json')) as { panels: Panel[] };
  const used = new Set<string>();
  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat = '' } of targets) {
      for (const [name] of expr.matchAll(/\b(?:squib|process|nodejs)_[a-z0-9_]+/g)) {
        const labels = series.get(name);
        assert.ok(labels, `"${title}" asks for ${name}, which squib does not have`);
        used.add(name.replace(/_(bucket|sum|count)$/, ''));
        for (const [, list = ''] of expr.matchAll(/by \(([^)]*)\)/g)) {
          for (const label of list.split(','))
            assert.ok(labels.includes(label.trim()), `${title}: by ${label}`);
        }
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          assert.ok(labels.includes(label), `${title}: no label ${label}`);
        }
        for (const [, label = ''] of expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|=|!=)/g)) {
          if (label !== 'instance' && label !== 'job')
            assert.ok(labels.includes(label), `${title}: ${label}`);
        }
      }
    }
  }
  const missing = known.map(({ name }) => name).filter((name) => !used.has(name));
  assert.deepEqual(missing, []);
});

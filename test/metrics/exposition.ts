// Reads Prometheus' text format 0.0.4 strictly: what it does not allow throws.

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  help: string;
  type: string;
  samples: Sample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?|\+Inf|NaN)$/;
const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (pair.lastIndex = 0; pair.lastIndex < text.length; ) {
    const [, name, value] = pair.exec(text) ?? [];
    if (name === undefined || name in labels) throw new Error(`labels: ${text}`);
    labels[name] = value!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (families.has(name)) throw new Error(`${name} stands twice`);
      families.set(name, { help: rest, type: '', samples: [] });
      current = name;
      continue;
    }
    const family = families.get(current);
    if (!family) throw new Error(`before any family: ${line}`);
    if (kind === 'TYPE') {
      if (name !== current || !['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(line);
      family.type = rest;
      continue;
    }
    const [, sample = '', labels = '', value] = sampleLine.exec(line) ?? [];
    if (value === undefined) throw new Error(`not a sample: ${line}`);
    const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!suffixes.some((suffix) => sample === current + suffix))
      throw new Error(`of another family: ${line}`);
    const key = `${sample}{${labels}}`;
    if (series.has(key)) throw new Error(`twice: ${key}`);
    series.add(key);
    family.samples.push({ name: sample, labels: parseLabels(labels), value: Number(value) });
  }
  return families;
}

/** The sum of a metric's samples (of a histogram: its count) that have these labels; undefined when there are none. */
export function sumOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const family = families.get(name);
  const wanted = family?.type === 'histogram' ? `${name}_count` : name;
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === wanted &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

type Kind = 'counter' | 'gauge' | 'histogram';

/** Values of a metric's labels, in the order in which the metric names them. */
export type LabelValues = readonly string[];

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

/** What all kinds of metrics have in common: a name, a meaning, labels, and one series for each set of values. */
abstract class Metric<Series> {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly labels: readonly string[];
  readonly #series = new Map<string, { values: LabelValues; series: Series }>();

  constructor(kind: Kind, name: string, help: string, labels: readonly string[]) {
    this.kind = kind;
    this.name = name;
    this.help = help;
    this.labels = labels;
  }

  protected abstract create(): Series;
  protected abstract lines(series: Series, values: LabelValues): string[];

  protected of(values: LabelValues): Series {
    const key = values.length === 1 ? values[0]! : values.join('\0');
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    const series = this.create();
    this.#series.set(key, { values: [...values], series });
    return series;
  }

  /** One line of the text format. */
  protected line(suffix: string, values: LabelValues, value: number, more = ''): string {
    const pairs = values.map((text, index) => `${this.labels[index]}="${escaped(text)}"`);
    if (more !== '') pairs.push(more);
    const braces = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
    return `${this.name}${suffix}${braces} ${value}`;
  }

  render(): string {
    // Without labels there is one series from the beginning, which is zero.
    if (this.labels.length === 0) this.of([]);
    const head = [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} ${this.kind}`];
    const body = [...this.#series.values()].flatMap(({ series, values }) => this.lines(series, values));
    return [...head, ...body].join('\n');
  }
}

/** Something that is counted up. */
export class Counter extends Metric<{ value: number }> {
  constructor(name: string, help: string, labels: readonly string[] = []) {
    super('counter', name, help, labels);
  }
  add(amount: number, ...values: string[]): void {
    this.of(values).value += amount;
  }
  protected create() {
    return { value: 0 };
  }
  protected lines({ value }: { value: number }, values: LabelValues): string[] {
    return [this.line('', values, value)];
  }
}

/** Something that goes up and down. */
export class Gauge extends Metric<{ value: number }> {
  constructor(name: string, help: string, labels: readonly string[] = []) {
    super('gauge', name, help, labels);
  }
  set(value: number, ...values: string[]): void {
    this.of(values).value = value;
  }
  protected create() {
    return { value: 0 };
  }
  protected lines({ value }: { value: number }, values: LabelValues): string[] {
    return [this.line('', values, value)];
  }
}

interface Distribution {
  /** How many values fell into each bucket and no smaller one; the last is for those beyond all. */
  counts: number[];
  sum: number;
}

/** How values, such as durations in seconds, are distributed. */
export class Histogram extends Metric<Distribution> {
  readonly buckets: readonly number[];

  /** @param buckets upper bounds, ascending */
  constructor(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []) {
    super('histogram', name, help, labels);
    this.buckets = buckets;
  }
  observe(value: number, ...values: string[]): void {
    const distribution = this.of(values);
    let bucket = 0;
    while (bucket < this.buckets.length && value > this.buckets[bucket]!) bucket++;
    distribution.counts[bucket]!++;
    distribution.sum += value;
  }
  protected create(): Distribution {
    return { counts: new Array(this.buckets.length + 1).fill(0), sum: 0 };
  }
  protected lines({ counts, sum }: Distribution, values: LabelValues): string[] {
    let total = 0;
    const lines = this.buckets.map((bound, index) => {
      total += counts[index]!;
      return this.line('_bucket', values, total, `le="${bound}"`);
    });
    total += counts[this.buckets.length]!;
    lines.push(this.line('_bucket', values, total, 'le="+Inf"'));
    return [...lines, this.line('_sum', values, sum), this.line('_count', values, total)];
  }
}

/** One answer names at most this many violations: a body of empty entries must not grow into a giant answer. */
const MOST = 100;
/** Longest value that an answer repeats, in characters. */
const LONGEST_VALUE = 4096;

/** Values print as AWS's Java services print them: `[a, b]`, `{key=value}`. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${key}=${printed(entry)}`)
      .join(', ')}}`;
  }
  return String(value ?? null);
}

/** Gathers what is wrong with one request (spec: control-plane 1.2). */
export class Violations {
  readonly #items: string[] = [];

  get count(): number {
    return this.#items.length;
  }

  get full(): boolean {
    return this.#items.length >= MOST;
  }

  /** @param value null for a missing member; not shown when `sensitive` */
  add(path: string, phrase: string, value: unknown, sensitive: boolean): void {
    if (this.full) return;
    this.#items.push(
      `Value${this.#shown(value, sensitive)} at '${path}' failed to satisfy constraint: ${phrase}`,
    );
  }

  message(): string {
    const n = this.#items.length;
    return `${n} validation error${n === 1 ? '' : 's'} detected: ${this.#items.join('; ')}`;
  }

  #shown(value: unknown, sensitive: boolean): string {
    if (sensitive) return '';
    if (value === null) return ' null';
    const text = printed(value);
    return ` '${text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text}'`;
  }
}

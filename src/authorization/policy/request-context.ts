/** A value of a condition key; a list is what AWS calls a multivalued key. */
export type ContextValue = string | number | boolean | Date | readonly string[];

/** Condition keys and values of one request. Absent keys are left out or undefined. */
export type ContextEntries = Readonly<Record<string, ContextValue | undefined>>;

function toTexts(value: ContextValue): readonly string[] {
  if (typeof value === 'object') return value instanceof Date ? [value.toISOString()] : value;
  return [String(value)];
}

/** Condition keys of one request, found whatever their case: AWS compares the names of keys without it. */
export class RequestContext {
  readonly #values = new Map<string, readonly string[]>();

  constructor(entries: ContextEntries) {
    for (const [key, value] of Object.entries(entries)) {
      if (value === undefined) continue;
      const name = key.toLowerCase();
      // Two tags whose names differ only in case are one key with two values, so neither can hide the other.
      this.#values.set(name, [...(this.#values.get(name) ?? []), ...toTexts(value)]);
    }
  }

  /** Undefined when the key is absent or has no value. */
  values(key: string): readonly string[] | undefined {
    const values = this.#values.get(key.toLowerCase());
    return values?.length ? values : undefined;
  }
}

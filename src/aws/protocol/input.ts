import { WireError } from './wire-error.ts';

/** Reads members of an unchecked input; of the query protocol every value is a text. */
export class Input {
  readonly #members: Record<string, unknown>;

  constructor(members: Record<string, unknown>) {
    this.#members = members;
  }

  /** Undefined also for an empty text, which is how clients of the query protocol leave things out. */
  text(name: string): string | undefined {
    const value = this.#members[name];
    if (value === undefined || value === '') return undefined;
    if (typeof value !== 'string') throw invalid(`'${name}' must be a text.`);
    return value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined)
      throw invalid(`Value at '${name}' failed to satisfy constraint: Member must not be null`);
    return value;
  }

  flag(name: string): boolean {
    return this.text(name)?.toLowerCase() === 'true';
  }

  integer(name: string, { min, max, otherwise }: { min: number; max: number; otherwise: number }): number {
    const value = Number(this.text(name) ?? otherwise);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw invalid(`'${name}' must be a whole number between ${min} and ${max}.`);
    }
    return value;
  }

  texts(name: string): string[] {
    return this.#list(name).map((item) => {
      if (typeof item !== 'string') throw invalid(`'${name}' must be a list of texts.`);
      return item;
    });
  }

  structures(name: string): Input[] {
    return this.#list(name).map((item) => {
      if (typeof item !== 'object' || item === null) throw invalid(`'${name}' must be a list of structures.`);
      return new Input(item as Record<string, unknown>);
    });
  }

  /** A list of `{Key, Value}`. */
  tags(name = 'Tags'): Record<string, string> {
    return Object.fromEntries(
      this.structures(name).map((tag) => [tag.required('Key'), tag.text('Value') ?? '']),
    );
  }

  #list(name: string): unknown[] {
    const value = this.#members[name];
    if (value === undefined || value === '') return [];
    if (!Array.isArray(value)) throw invalid(`'${name}' must be a list.`);
    return value;
  }
}

const invalid = (message: string) => new WireError('ValidationError', 400, message);

import { invalidParameter } from './logs-errors.ts';

/** The name of a log group, out of its name or ARN. */
export function groupName(identifier: string): string {
  return /^arn:[^:]+:logs:[^:]*:\d*:log-group:([^:]+)/.exec(identifier)?.[1] ?? identifier;
}

/** Reads members of a request, checking their types: there is no service model for this service here. */
export class Members {
  readonly #input: Record<string, unknown>;

  constructor(input: Record<string, unknown>) {
    this.#input = input;
  }

  string(name: string): string | undefined {
    return this.#typed(name, 'string') as string | undefined;
  }

  number(name: string): number | undefined {
    return this.#typed(name, 'number') as number | undefined;
  }

  boolean(name: string): boolean | undefined {
    return this.#typed(name, 'boolean') as boolean | undefined;
  }

  strings(name: string): string[] | undefined {
    const value = this.#input[name];
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw invalidParameter(`'${name}' must be a list of strings.`);
    }
    return value;
  }

  /** A list of structures, unchecked within. */
  structures(name: string): Record<string, unknown>[] {
    const value = this.#input[name];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'object' || item === null)) {
      throw invalidParameter(`'${name}' must be a list of structures.`);
    }
    return value;
  }

  /** A map of texts. */
  texts(name: string): Record<string, string> {
    const value = this.#input[name] ?? {};
    const texts = typeof value === 'object' && !Array.isArray(value) ? Object.values(value) : [undefined];
    if (texts.some((text) => typeof text !== 'string')) {
      throw invalidParameter(`'${name}' must be a map of strings.`);
    }
    return value as Record<string, string>;
  }

  required(name: string): string {
    const value = this.string(name);
    if (!value) throw invalidParameter(`'${name}' must not be null.`);
    return value;
  }

  /** The name of a log group, given as such or as an ARN. */
  logGroup(): string {
    const given =
      this.string('logGroupName') ?? this.string('logGroupIdentifier') ?? this.string('resourceArn');
    if (!given) throw invalidParameter("'logGroupName' must not be null.");
    return groupName(given);
  }

  /** An integer between 1 and `most`. */
  limit(name: string, most: number): number {
    const value = this.number(name) ?? most;
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw invalidParameter(`'${name}' must be between 1 and ${most}.`);
    }
    return value;
  }

  #typed(name: string, type: 'string' | 'number' | 'boolean'): unknown {
    const value = this.#input[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== type) throw invalidParameter(`'${name}' must be a ${type}.`);
    return value;
  }
}

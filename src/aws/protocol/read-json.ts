import type { ServiceModel, Shape } from './model.ts';
import { serializationError } from './wire-error.ts';

/** Turns a parsed JSON value into the handler's form: unknown members dropped, nulls absent, times as `Date`. */
export type Reader = (value: unknown) => unknown;

const MAX_INTEGER = 2 ** 31 - 1;

const TYPE_NAMES: Partial<Record<Shape['type'], string>> = {
  string: 'a String',
  integer: 'an Integer',
  long: 'a Long',
  float: 'a Float',
  double: 'a Double',
  boolean: 'a Boolean',
  timestamp: 'a Timestamp',
};

/** AWS names the token that it found, not the JavaScript type. */
function mismatch(value: unknown, type: Shape['type']): Error {
  if (Array.isArray(value)) return serializationError('Start of list found where not expected');
  if (typeof value === 'object') {
    return serializationError('Start of structure or map found where not expected.');
  }
  const token =
    typeof value === 'boolean'
      ? `${String(value).toUpperCase()}_VALUE`
      : typeof value === 'number'
        ? 'NUMBER_VALUE'
        : 'STRING_VALUE';
  return serializationError(`${token} can not be converted to ${TYPE_NAMES[type] ?? type}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numberReader(type: 'integer' | 'long' | 'float' | 'double'): Reader {
  const whole = type === 'integer' || type === 'long';
  const limit = type === 'integer' ? MAX_INTEGER : Number.MAX_SAFE_INTEGER;
  return (value) => {
    if (typeof value !== 'number') throw mismatch(value, type);
    if (!whole) return value;
    if (!Number.isInteger(value)) throw mismatch(value, type);
    if (value > limit || value < -limit - 1) throw serializationError('Numeric value out of range');
    return value;
  };
}

function readTimestamp(value: unknown): Date {
  const date =
    typeof value === 'number'
      ? new Date(value * 1000)
      : typeof value === 'string'
        ? new Date(value)
        : undefined;
  if (!date) throw mismatch(value, 'timestamp');
  if (Number.isNaN(date.getTime())) throw serializationError('Unable to parse date');
  return date;
}

/** Builds the readers of a model once; recursive shapes are resolved lazily through the cache. */
export function compileReaders(model: ServiceModel): (shapeName: string) => Reader {
  const cache = new Map<string, Reader>();
  const readerOf = (name: string): Reader => {
    const known = cache.get(name);
    if (known) return known;
    cache.set(name, (value) => cache.get(name)!(value));
    const reader = build(model.shapes[name]!);
    cache.set(name, reader);
    return reader;
  };

  const build = (shape: Shape): Reader => {
    switch (shape.type) {
      case 'structure':
        return structureReader(shape);
      case 'list': {
        const item = readerOf(shape.member!.shape);
        return (value) => {
          if (!Array.isArray(value)) throw serializationError('Expected list or null');
          return value.map((entry) => (entry === null ? undefined : item(entry)));
        };
      }
      case 'map': {
        const item = readerOf(shape.value!.shape);
        return (value) => {
          if (!isObject(value)) throw serializationError('Expected map or null');
          // fromEntries defines own properties, so a key like `__proto__` stays data.
          return Object.fromEntries(
            Object.entries(value).map(([key, entry]) => [key, entry === null ? undefined : item(entry)]),
          );
        };
      }
      case 'string':
      case 'blob':
        return (value) => {
          if (typeof value !== 'string') throw mismatch(value, 'string');
          return value;
        };
      case 'boolean':
        return (value) => {
          if (typeof value !== 'boolean') throw mismatch(value, 'boolean');
          return value;
        };
      case 'timestamp':
        return readTimestamp;
      default:
        return numberReader(shape.type);
    }
  };

  const structureReader = (shape: Shape): Reader => {
    const members = Object.entries(shape.members ?? {}).map(
      ([name, member]) => [name, readerOf(member.shape)] as const,
    );
    return (value) => {
      if (!isObject(value)) throw serializationError('Expected null');
      const result: Record<string, unknown> = {};
      for (const [name, read] of members) {
        if (!Object.hasOwn(value, name)) continue;
        const entry = value[name];
        if (entry !== null) result[name] = read(entry);
      }
      return result;
    };
  };

  return readerOf;
}

/** Query, path and header members arrive as text. */
export function readText(shape: Shape, text: string): unknown {
  switch (shape.type) {
    case 'integer':
    case 'long': {
      if (!/^[+-]?\d{1,19}$/.test(text)) throw mismatch(text, shape.type);
      const value = Number(text);
      const limit = shape.type === 'integer' ? MAX_INTEGER : Number.MAX_SAFE_INTEGER;
      if (Math.abs(value) > limit) throw serializationError('Numeric value out of range');
      return value;
    }
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw mismatch(text, 'boolean');
      return text === 'true';
    case 'timestamp':
      return readTimestamp(text);
    default:
      return text;
  }
}

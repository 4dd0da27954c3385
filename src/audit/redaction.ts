import type { ServiceModel, Shape } from '../aws/protocol/model.ts';

/** The text that CloudTrail writes for what it hides. */
export const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/**
 * Maps whose values are hidden although the model does not call them sensitive: people keep passwords in environment
 * variables.
 */
const SECRET_MAPS = new Set(['environmentVariables']);

/** A value of an operation, fit for the record; undefined when nothing of it is. */
export type Redactor = (value: unknown) => unknown;

/**
 * A copy in which the values of such maps are hidden. The last wall before the file, whatever was done before.
 */
export function hideSecretMaps(content: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(content).map(([name, value]) => [
    name,
    SECRET_MAPS.has(name) ? hideValues(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/**
 * What of requests and answers may be recorded: members of the model that are not sensitive. Values need not agree
 * with the model (calls that failed are recorded too): whatever has another type is left out.
 * @returns for a shape's name its redactor, each built once
 */
export function compileRedactors(model: ServiceModel): (shapeName: string) => Redactor {
  const cache = new Map<string, Redactor>();
  const of = (name: string): Redactor => {
    const known = cache.get(name);
    if (known) return known;
    // Shapes may hold themselves.
    cache.set(name, (value) => cache.get(name)!(value));
    const redactor = orAbsent(build(model.shapes[name]!));
    cache.set(name, redactor);
    return redactor;
  };

  const build = (shape: Shape): Redactor => {
    if (shape.sensitive || shape.type === 'blob') return hide;
    switch (shape.type) {
      case 'structure': {
        const members = Object.entries(shape.members ?? {}).map(
          ([member, ref]) => [member, ref.sensitive ? hide : of(ref.shape)] as const,
        );
        return (value) => {
          if (!isObject(value)) return undefined;
          const result: Record<string, unknown> = {};
          for (const [member, redact] of members) {
            const given = Object.hasOwn(value, member) ? value[member] : undefined;
            if (given !== undefined && given !== null) result[member] = redact(given);
          }
          return result;
        };
      }
      case 'list': {
        const item = of(shape.member!.shape);
        return (value) => (Array.isArray(value) ? value.map(item) : undefined);
      }
      case 'map': {
        const item = of(shape.value!.shape);
        return (value) =>
          isObject(value)
            ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, item(each)]))
            : undefined;
      }
      case 'timestamp':
        return (value) =>
          value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
      default:
        return (value) => (typeof value === 'object' ? undefined : value);
    }
  };

  return of;
}

const hide: Redactor = () => HIDDEN;

const orAbsent =
  (redact: Redactor): Redactor =>
  (value) =>
    value === undefined || value === null ? undefined : redact(value);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function hideValues(value: unknown): unknown {
  if (value === undefined || value === null) return value;
  return isObject(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN])) : HIDDEN;
}

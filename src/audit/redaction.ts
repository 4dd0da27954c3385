import type { ServiceModel } from '../aws/protocol/model.ts';

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
 * What of a request or answer may be recorded: members of the model that are not sensitive. The value need not agree
 * with the model (calls that failed are recorded too): whatever has another type is left out.
 */
export function redactorOf(model: ServiceModel, shapeName: string): Redactor {
  const redact = (name: string, value: unknown): unknown => {
    if (value === undefined || value === null) return undefined;
    const shape = model.shapes[name]!;
    if (shape.sensitive) return HIDDEN;
    switch (shape.type) {
      case 'structure': {
        if (!isObject(value)) return undefined;
        const result: Record<string, unknown> = {};
        for (const [member, ref] of Object.entries(shape.members ?? {})) {
          const given = Object.hasOwn(value, member) ? value[member] : undefined;
          if (given === undefined || given === null) continue;
          if (ref.sensitive) result[member] = HIDDEN;
          else result[member] = redact(ref.shape, given);
        }
        return result;
      }
      case 'list':
        return Array.isArray(value) ? value.map((item) => redact(shape.member!.shape, item)) : undefined;
      case 'map':
        if (!isObject(value)) return undefined;
        return Object.fromEntries(
          Object.entries(value).map(([key, item]) => [key, redact(shape.value!.shape, item)]),
        );
      case 'timestamp':
        return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
      case 'blob':
        return HIDDEN;
      default:
        return typeof value === 'object' ? undefined : value;
    }
  };
  return (value) => redact(shapeName, value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function hideValues(value: unknown): unknown {
  if (value === undefined || value === null) return value;
  return isObject(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, HIDDEN])) : HIDDEN;
}

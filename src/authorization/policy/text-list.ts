import { PolicyError } from './policy-error.ts';

/**
 * A text or a list of texts, as policies have them nearly everywhere.
 * @param scalars numbers and booleans too, as in conditions
 */
export function textList(value: unknown, path: string, { scalars }: { scalars: boolean }): string[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (list.length === 0) throw new PolicyError(path, 'must not be empty');
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (scalars && (typeof item === 'number' || typeof item === 'boolean')) return String(item);
    throw new PolicyError(path, 'must be a string or a list of strings');
  });
}

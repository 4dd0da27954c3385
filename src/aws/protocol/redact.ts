import type { ServiceModel } from './model.ts';

const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/**
 * @returns a function that copies an input with every sensitive value replaced, as CloudTrail does;
 *   it takes the name of the input's shape
 */
export function redactor(
  model: ServiceModel,
): (shapeName: string | undefined, value: Record<string, unknown>) => Record<string, unknown> {
  const clean = new Map<string, boolean>();
  /** True for a shape that holds nothing sensitive, which then needs no copy. */
  const isClean = (shapeName: string): boolean => {
    const known = clean.get(shapeName);
    if (known !== undefined) return known;
    clean.set(shapeName, true);
    const { sensitive, members, member, value } = model.shapes[shapeName]!;
    const refs = [...Object.values(members ?? {}), member, value].filter((ref) => ref !== undefined);
    const result = !sensitive && refs.every((ref) => !ref.sensitive && isClean(ref.shape));
    clean.set(shapeName, result);
    return result;
  };
  const copy = (shapeName: string, value: unknown, sensitive: boolean): unknown => {
    const shape = model.shapes[shapeName]!;
    if (value === undefined) return undefined;
    if (sensitive || shape.sensitive) return HIDDEN;
    if (isClean(shapeName)) return value;
    if (shape.type === 'list') {
      const { shape: item, sensitive: secret = false } = shape.member!;
      return (value as unknown[]).map((entry) => copy(item, entry, secret));
    }
    if (shape.type !== 'structure' && shape.type !== 'map') return value;
    const entries = Object.entries(value as Record<string, unknown>).map(([name, entry]) => {
      const ref = shape.type === 'map' ? shape.value! : shape.members![name]!;
      return [name, copy(ref.shape, entry, ref.sensitive ?? false)];
    });
    return Object.fromEntries(entries);
  };
  return (shapeName, value) =>
    shapeName === undefined ? {} : (copy(shapeName, value, false) as Record<string, unknown>);
}

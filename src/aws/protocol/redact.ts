import type { ServiceModel } from './model.ts';

const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/**
 * @returns a function that copies an input with every sensitive value replaced, as CloudTrail does;
 *   it takes the name of the input's shape
 */
export function redactor(
  model: ServiceModel,
): (shapeName: string | undefined, value: Record<string, unknown>) => Record<string, unknown> {
  const copy = (shapeName: string, value: unknown, sensitive: boolean): unknown => {
    const shape = model.shapes[shapeName]!;
    if (value === undefined) return undefined;
    if (sensitive || shape.sensitive) return HIDDEN;
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

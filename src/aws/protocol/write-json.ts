import type { ServiceModel, Shape } from './model.ts';

/** Turns what a handler returned into a JSON value; members that the model does not know are left out. */
export type Writer = (value: unknown) => unknown;

export interface WriteStyle {
  /** `lambda-microvms` writes null for absent members, `lambda-core` omits them (spec: control-plane 1). */
  absentAsNull: boolean;
}

/** Builds the writers of a model once. */
export function compileWriters(model: ServiceModel, style: WriteStyle): (shapeName: string) => Writer {
  const cache = new Map<string, Writer>();
  const writerOf = (name: string): Writer => {
    const known = cache.get(name);
    if (known) return known;
    cache.set(name, (value) => cache.get(name)!(value));
    const writer = build(model.shapes[name]!);
    cache.set(name, writer);
    return writer;
  };

  const build = (shape: Shape): Writer => {
    switch (shape.type) {
      case 'structure':
        return structureWriter(shape);
      case 'list': {
        const item = writerOf(shape.member!.shape);
        return (value) => (value as unknown[]).map(item);
      }
      case 'map': {
        const item = writerOf(shape.value!.shape);
        return (value) =>
          Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, item(entry)]));
      }
      case 'timestamp':
        return shape.timestampFormat === 'iso8601'
          ? (value) => (value as Date).toISOString()
          : (value) => (value as Date).getTime() / 1000;
      default:
        return (value) => value;
    }
  };

  const structureWriter = (shape: Shape): Writer => {
    const members = Object.entries(shape.members ?? {})
      .filter(([, member]) => member.location === undefined)
      .map(([name, member]) => [name, writerOf(member.shape)] as const);
    // A union shows only the member that is set, or it would no longer be one.
    const nulls = style.absentAsNull && !shape.union;
    return (value) => {
      const given = value as Record<string, unknown>;
      const result: Record<string, unknown> = {};
      for (const [name, write] of members) {
        const entry = given[name];
        if (entry !== undefined && entry !== null) result[name] = write(entry);
        else if (nulls) result[name] = null;
      }
      return result;
    };
  };

  return writerOf;
}

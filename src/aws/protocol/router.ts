/** A route that matched; `labels` are still percent-encoded, as they stood in the path. */
export interface RouteMatch<Target> {
  target: Target;
  labels: Record<string, string>;
}

interface Route<Target> {
  /** Literal segments; undefined where a label stands. */
  literals: (string | undefined)[];
  labelNames: (string | undefined)[];
  target: Target;
}

/**
 * Finds operations by method and path. The path is split *before* it is decoded, so an encoded slash stays
 * inside its label and a raw one splits the path (spec: control-plane 1.1).
 */
export class Router<Target> {
  readonly #routes = new Map<string, Route<Target>[]>();

  add(method: string, requestUri: string, target: Target): void {
    const segments = requestUri.split('/');
    const key = `${method} ${segments.length}`;
    const labelNames = segments.map((segment) => /^\{(\w+)\}$/.exec(segment)?.[1]);
    const literals = segments.map((segment, index) => (labelNames[index] ? undefined : segment));
    this.#routes.set(key, [...(this.#routes.get(key) ?? []), { literals, labelNames, target }]);
  }

  find(method: string, path: string): RouteMatch<Target> | undefined {
    const segments = path.split('/');
    const candidates = this.#routes.get(`${method} ${segments.length}`);
    const route = candidates?.find(({ literals }) =>
      literals.every((literal, index) =>
        literal === undefined ? segments[index] !== '' : literal === segments[index],
      ),
    );
    if (!route) return undefined;
    const labels: Record<string, string> = {};
    for (const [index, name] of route.labelNames.entries()) if (name) labels[name] = segments[index]!;
    return { target: route.target, labels };
  }
}

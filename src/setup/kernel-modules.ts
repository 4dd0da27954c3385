import { basename } from 'node:path';

const nameOf = (path: string) =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

/**
 * The files of the wanted modules and of all they depend on, each after what it needs.
 * @param modulesDep text of a `modules.dep`: lines of `module: dependency dependency …`.
 * @param wanted module names; one that has no file is built into the kernel and left out.
 */
export function moduleLoadOrder(modulesDep: string, wanted: string[]): string[] {
  const dependencies = new Map<string, string[]>();
  const files = new Map<string, string>();
  for (const line of modulesDep.split('\n')) {
    const [path, rest] = line.split(':');
    if (!path || rest === undefined) continue;
    dependencies.set(path, rest.split(' ').filter(Boolean));
    files.set(nameOf(path), path);
  }
  const order = new Set<string>();
  const add = (path: string): void => {
    if (order.has(path)) return;
    for (const dependency of dependencies.get(path) ?? []) add(dependency);
    order.add(path);
  };
  for (const name of wanted) {
    const path = files.get(name);
    if (path) add(path);
  }
  return [...order];
}

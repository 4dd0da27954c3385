import type { JsonMap, ResourceChange, Stack } from '../../store/stack-records.ts';
import { resourceTypes } from '../resources/registry.ts';
import type { Blueprint } from './blueprint.ts';

export const same = (a: unknown, b: unknown) => canonical(a) === canonical(b);

/** JSON with sorted names, so that only values count. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Names of the properties in which two states differ. */
export function differing(before: JsonMap, after: JsonMap): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !same(before[name], after[name]));
}

/** What executing a blueprint would do to a stack. */
export function plannedChanges(stack: Stack, blueprint: Blueprint): ResourceChange[] {
  const { template, included } = blueprint;
  const changes: ResourceChange[] = [];
  for (const id of included) {
    const type = template.resources[id]?.Type ?? '';
    const now = stack.resources[id];
    if (!now) {
      changes.push({ action: 'Add', logicalId: id, type, properties: [] });
      continue;
    }
    // What refers to a resource that is still to be made has no value yet and counts as changed.
    let properties: string[];
    try {
      properties = differing(now.properties, blueprint.properties(id, stack.resources));
    } catch {
      properties = Object.keys(template.resources[id]?.Properties ?? {});
    }
    if (properties.length === 0 && now.type === type) continue;
    const replaced =
      now.type !== type || properties.some((name) => resourceTypes.get(type)?.replacing.includes(name));
    const replacement = replaced ? 'True' : 'False';
    const { physicalId } = now;
    changes.push({ action: 'Modify', logicalId: id, physicalId, type, replacement, properties });
  }
  for (const { logicalId, physicalId, type } of Object.values(stack.resources)) {
    if (!included.has(logicalId))
      changes.push({ action: 'Remove', logicalId, physicalId, type, properties: [] });
  }
  return changes;
}

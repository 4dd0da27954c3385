import { TemplateError } from '../template-error.ts';
import type { Json } from './parse.ts';
import { isObject, type Template } from './template.ts';

const PSEUDO = new Set(
  [
    'AccountId',
    'NotificationARNs',
    'NoValue',
    'Partition',
    'Region',
    'StackId',
    'StackName',
    'URLSuffix',
  ].map((name) => `AWS::${name}`),
);

/** Names that `Ref`, `Fn::GetAtt` and `Fn::Sub` mention in a value: parameters, pseudo parameters, resources. */
export function namesIn(source: Json, found = new Set<string>()): Set<string> {
  if (Array.isArray(source)) for (const item of source) namesIn(item, found);
  if (!isObject(source)) return found;
  for (const [name, argument] of Object.entries(source)) {
    if (name === 'Ref' && typeof argument === 'string') found.add(argument);
    else if (name === 'Fn::GetAtt') {
      const [id] =
        typeof argument === 'string' ? argument.split('.') : Array.isArray(argument) ? argument : [];
      if (typeof id === 'string') found.add(id);
    } else if (name === 'Fn::Sub') namesInText(argument, found);
    namesIn(argument, found);
  }
  return found;
}

function namesInText(argument: Json, found: Set<string>): void {
  const [text, given] = Array.isArray(argument) ? argument : [argument, {}];
  if (typeof text !== 'string') return;
  for (const [, literal, inner = ''] of text.matchAll(/\$\{(!?)([^}]*)\}/g)) {
    const name = inner.trim();
    if (literal || (isObject(given) && Object.hasOwn(given, name))) continue;
    found.add(name.split('.')[0] ?? '');
  }
}

/** For each resource that `included` names, the included ones that must exist before it. @throws TemplateError */
export function dependencies(template: Template, included: ReadonlySet<string>): Map<string, string[]> {
  const { resources } = template;
  const edges = new Map<string, string[]>();
  for (const id of included) {
    const definition = resources[id];
    if (!definition) continue;
    const names = new Set([...definition.DependsOn, ...namesIn(definition.Properties)]);
    edges.set(
      id,
      [...names].filter((name) => included.has(name)),
    );
  }
  const state = new Map<string, 'open' | 'done'>();
  const visit = (id: string, path: string[]): void => {
    if (state.get(id) === 'done') return;
    if (state.get(id) === 'open') {
      throw new TemplateError(
        `Circular dependency between resources: [${path.slice(path.indexOf(id)).join(', ')}]`,
      );
    }
    state.set(id, 'open');
    for (const next of edges.get(id) ?? []) visit(next, [...path, id]);
    state.set(id, 'done');
  };
  for (const id of included) visit(id, []);
  return edges;
}

/** Everything that a template mentions must be in it. @throws TemplateError */
export function checkReferences(template: Template): void {
  const { parameters, resources, conditions, outputs } = template;
  const known = (name: string) =>
    PSEUDO.has(name) || Object.hasOwn(parameters, name) || Object.hasOwn(resources, name);
  const check = (source: Json, block: string) => {
    const unresolved = [...namesIn(source)].filter((name) => !known(name));
    if (unresolved.length > 0) {
      throw new TemplateError(
        `Template format error: Unresolved resource dependencies [${unresolved.join(', ')}] in the ${block} block of the template`,
      );
    }
  };
  for (const { Properties, DependsOn, Condition } of Object.values(resources)) {
    check(Properties, 'Resources');
    check(
      DependsOn.map((Ref) => ({ Ref })),
      'Resources',
    );
    if (Condition !== undefined && !Object.hasOwn(conditions, Condition)) {
      throw new TemplateError(`Template format error: Unresolved condition '${Condition}'.`);
    }
  }
  for (const { Value } of Object.values(outputs)) check(Value, 'Outputs');
}

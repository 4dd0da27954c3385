import type { JsonMap, Stack, StackDesign, StackResource } from '../../store/stack-records.ts';
import { resourceTypes } from '../resources/registry.ts';
import { Evaluator } from '../template/evaluate.ts';
import type { FindParameter } from '../template/parameters.ts';
import { checkReferences, dependencies } from '../template/references.ts';
import { isObject, parseTemplate, type Template } from '../template/template.ts';
import { TemplateError } from '../template-error.ts';
import { StandIns } from './stand-ins.ts';

/** Values from outside of a template, by their names. */
export interface Lookups {
  /** Of another stack. */
  exported(name: string): string | undefined;
  parameter: FindParameter;
}

/** A template with its parameters, ready to be compared with what a stack has. */
export interface Blueprint {
  template: Template;
  /** Logical ids of the resources whose conditions hold. */
  included: ReadonlySet<string>;
  /** Resources that are left out because squib does not have their types. */
  skipped: StandIns;
  /** For each, those that must exist before it. */
  dependencies: ReadonlyMap<string, readonly string[]>;
  /** Exports of other stacks that were asked for so far. */
  imports: ReadonlySet<string>;
  /** Properties without functions. @throws TemplateError when something they need does not exist */
  properties(logicalId: string, resources: Readonly<Record<string, StackResource>>): JsonMap;
  outputs(resources: Readonly<Record<string, StackResource>>): Stack['outputs'];
}

/**
 * Reads and checks a design; what squib cannot make is refused here, before anything is made.
 * @throws TemplateError
 */
export function drawBlueprint(
  stack: Pick<Stack, 'id' | 'name'>,
  design: StackDesign,
  lookups: Lookups,
): Blueprint {
  const template = parseTemplate(design.templateBody);
  checkReferences(template);
  const pseudo = pseudoParameters(stack);
  const imports = new Set<string>();
  const skipped = new StandIns(stack.id, design.skipUnsupported ? unsupported(template) : new Map());
  const evaluator = (resources: Readonly<Record<string, StackResource>>) =>
    new Evaluator(template, {
      parameters: design.parameters,
      storedParameter: lookups.parameter,
      pseudo,
      ref: (id) => (skipped.has(id) ? skipped.ref(id) : (existing(resources, id).physicalId ?? id)),
      attribute(id, name) {
        if (skipped.has(id)) return skipped.attribute(id, name);
        const { attributes, type } = existing(resources, id);
        const value = name
          .split('.')
          .reduce<unknown>((at, part) => (isObject(at) ? at[part] : undefined), attributes);
        if (value === undefined) {
          throw new TemplateError(
            `Template error: resource ${id} of type ${type} does not support attribute type ${name} in Fn::GetAtt`,
          );
        }
        return value as string;
      },
      imported(name) {
        const value = lookups.exported(name);
        if (value === undefined) throw new TemplateError(`No export named ${name} found.`);
        imports.add(name);
        return value;
      },
    });
  const conditions = evaluator({});
  const ids = Object.keys(template.resources);
  const included = new Set(
    ids.filter((id) => !skipped.has(id) && conditions.condition(template.resources[id]?.Condition)),
  );
  checkTypes(template, included);
  return {
    template,
    included,
    skipped,
    imports,
    dependencies: dependencies(template, included),
    properties: (id, resources) =>
      (evaluator(resources).value(template.resources[id]?.Properties ?? {}) ?? {}) as JsonMap,
    outputs(resources) {
      const values = evaluator(resources);
      return Object.entries(template.outputs)
        .filter(([, { Condition }]) => conditions.condition(Condition))
        .map(([key, { Value, Description, Export }]) => {
          const value = values.value(Value);
          return {
            ...{ key, value: typeof value === 'object' ? JSON.stringify(value) : String(value) },
            ...(Description !== undefined && { description: Description }),
            ...(Export !== undefined && { exportName: String(values.value(Export)) }),
          };
        });
    },
  };
}

function existing(resources: Readonly<Record<string, StackResource>>, id: string): StackResource {
  const resource = resources[id];
  if (!resource) throw new TemplateError(`Template error: the resource ${id} does not exist.`);
  return resource;
}

function pseudoParameters({ id, name }: Pick<Stack, 'id' | 'name'>): Record<string, string | string[]> {
  const [, partition = 'aws', , region = '', account = ''] = id.split(':');
  return {
    'AWS::AccountId': account,
    'AWS::NotificationARNs': [],
    'AWS::Partition': partition,
    'AWS::Region': region,
    'AWS::StackId': id,
    'AWS::StackName': name,
    'AWS::URLSuffix': 'amazonaws.com',
  };
}

function unsupported({ resources }: Template): Map<string, string> {
  const types = Object.entries(resources).map(([id, { Type }]) => [id, Type] as const);
  return new Map(types.filter(([, type]) => !resourceTypes.has(type)));
}

function checkTypes({ resources }: Template, included: ReadonlySet<string>): void {
  const types = new Set([...included].map((id) => resources[id]?.Type ?? ''));
  const missing = [...types].filter((type) => !resourceTypes.has(type));
  if (missing.length > 0) {
    const have = [...resourceTypes.keys()].join(', ');
    throw new TemplateError(
      `Template format error: Unrecognized resource types: [${missing.join(', ')}]. squib has: ${have}. With the setting cloudFormation.skipUnsupported it leaves others out.`,
    );
  }
  for (const id of included) {
    const { Type = '', Properties = {} } = resources[id] ?? {};
    const type = resourceTypes.get(Type);
    if (!type) continue;
    const strange = Object.keys(Properties).filter((name) => !type.properties.includes(name));
    if (strange.length > 0) {
      throw new TemplateError(
        `Properties validation failed for resource ${id} with message: extraneous key [${strange.join(', ')}] is not permitted in ${Type}.`,
      );
    }
    const lacking = type.required.filter((name) => Properties[name] === undefined);
    if (lacking.length > 0) {
      throw new TemplateError(
        `Properties validation failed for resource ${id} with message: required key [${lacking.join(', ')}] not found in ${Type}.`,
      );
    }
  }
}

/** Capabilities that the request must acknowledge. */
export function neededCapabilities({ template, included }: Blueprint): string[] {
  const iam = [...included].filter((id) => resourceTypes.get(template.resources[id]?.Type ?? '')?.iam);
  if (iam.length === 0) return [];
  const named = iam.some((id) => {
    const { Type = '', Properties = {} } = template.resources[id] ?? {};
    const name = resourceTypes.get(Type)?.nameProperty;
    return Type !== 'AWS::IAM::Policy' && name !== undefined && Properties[name] !== undefined;
  });
  return [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'];
}

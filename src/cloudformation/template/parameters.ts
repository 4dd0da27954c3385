import { TemplateError } from '../template-error.ts';
import type { ParameterDefinition, Template } from './template.ts';

/** A value that a request gives; without `value` the stack's present one is kept. */
export interface GivenParameter {
  key: string;
  value?: string | undefined;
  usePrevious: boolean;
}

/** Value of a parameter of Systems Manager. */
export type FindParameter = (name: string) => string | undefined;

/** What CDK's output asks Systems Manager for: the version of its bootstrap stack. */
const BOOTSTRAP_VERSION = /^\/cdk-bootstrap\/[^/]+\/version$/;

/**
 * The text of every parameter of a template.
 * @param previous the stack's present values
 * @throws TemplateError for missing, unknown and forbidden values
 */
export function resolveParameters(
  { parameters: definitions }: Template,
  given: readonly GivenParameter[],
  previous: Readonly<Record<string, string>> = {},
  find: FindParameter = () => undefined,
): Record<string, string> {
  const unknown = given.filter(({ key }) => !Object.hasOwn(definitions, key)).map(({ key }) => key);
  if (unknown.length > 0) {
    throw new TemplateError(`Parameters: [${unknown.join(', ')}] do not exist in the template`);
  }
  const byKey = new Map(given.map((each) => [each.key, each]));
  const missing: string[] = [];
  const values: Record<string, string> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const asked = byKey.get(name);
    const value = asked?.usePrevious ? previous[name] : (asked?.value ?? definition.Default);
    if (value === undefined) missing.push(name);
    else values[name] = checked(name, definition, value, find);
  }
  if (missing.length > 0) throw new TemplateError(`Parameters: [${missing.join(', ')}] must have values`);
  return values;
}

function checked(name: string, definition: ParameterDefinition, value: string, find: FindParameter): string {
  const { Type: type } = definition;
  const fail = (what: string): never => {
    throw new TemplateError(
      definition.ConstraintDescription
        ? `Parameter ${name} failed to satisfy constraint: ${definition.ConstraintDescription}`
        : what,
    );
  };
  const items = isList(type) ? value.split(',').map((item) => item.trim()) : [value];
  for (const item of items) {
    if (type.includes('Number') && !Number.isFinite(Number(item || Number.NaN))) {
      fail(`Parameter '${name}' must be a number.`);
    }
    if (definition.AllowedValues && !definition.AllowedValues.includes(item)) {
      fail(`Parameter '${name}' must be one of AllowedValues`);
    }
    const { AllowedPattern: pattern } = definition;
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(item)) {
      fail(`Parameter '${name}' must match pattern ${pattern}`);
    }
    if (item.length < (definition.MinLength ?? 0)) {
      fail(`Parameter '${name}' must contain at least ${definition.MinLength} characters`);
    }
    if (item.length > (definition.MaxLength ?? Infinity)) {
      fail(`Parameter '${name}' must contain at most ${definition.MaxLength} characters`);
    }
    if (Number(item) < (definition.MinValue ?? -Infinity)) {
      fail(`Parameter '${name}' must be a number not less than ${definition.MinValue}`);
    }
    if (Number(item) > (definition.MaxValue ?? Infinity)) {
      fail(`Parameter '${name}' must be a number not greater than ${definition.MaxValue}`);
    }
  }
  if (!type.startsWith('AWS::SSM::')) return value;
  if (stored(value, find) !== undefined) return value;
  throw new TemplateError(`Unable to fetch parameters [${value}] from parameter store for this account.`);
}

export const isList = (type: string) => type === 'CommaDelimitedList' || /(?:^|<)List</.test(type);

/** What `Ref` gives for a parameter. */
export function parameterValue(
  { Type: type }: ParameterDefinition,
  given: string,
  find: FindParameter,
): string | string[] {
  // `AWS::SSM::Parameter::Name` stands for the name itself.
  const value = type.startsWith('AWS::SSM::Parameter::Value') ? (stored(given, find) ?? '') : given;
  return isList(type) ? value.split(',').map((item) => item.trim()) : value;
}

/** Templates of CDK deploy without its bootstrap stack too: what they need of it, squib has. */
function stored(name: string, find: FindParameter): string | undefined {
  return find(name) ?? (BOOTSTRAP_VERSION.test(name) ? String(CDK_BOOTSTRAP) : undefined);
}

/** Newer than any that CDK's templates ask for. */
const CDK_BOOTSTRAP = 9999;

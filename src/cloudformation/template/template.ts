import { TemplateError } from '../template-error.ts';
import { type Json, type JsonObject, parseTemplateText } from './parse.ts';
import { expandServerless } from './serverless.ts';

/** AWS's limit for a template from S3, in bytes. */
const MAX_BYTES = 1024 * 1024;
const LOGICAL_ID = /^[a-zA-Z0-9]{1,255}$/;

export interface ParameterDefinition {
  Type: string;
  Default?: string;
  NoEcho?: boolean;
  Description?: string;
  AllowedValues?: string[];
  AllowedPattern?: string;
  ConstraintDescription?: string;
  MinLength?: number;
  MaxLength?: number;
  MinValue?: number;
  MaxValue?: number;
}

export interface ResourceDefinition {
  Type: string;
  Properties: JsonObject;
  DependsOn: string[];
  Condition?: string;
  DeletionPolicy: 'Delete' | 'Retain' | 'RetainExceptOnCreate';
  UpdateReplacePolicy: 'Delete' | 'Retain';
  Metadata?: JsonObject;
}

export interface OutputDefinition {
  Value: Json;
  Description?: string;
  Condition?: string;
  /** Name of the export, which may hold functions. */
  Export?: Json;
}

/** A template whose sections have the right shape; functions are still in it. */
export interface Template {
  description?: string;
  metadata?: JsonObject;
  transforms: string[];
  parameters: Record<string, ParameterDefinition>;
  mappings: Record<string, Record<string, Record<string, Json>>>;
  conditions: Record<string, Json>;
  resources: Record<string, ResourceDefinition>;
  outputs: Record<string, OutputDefinition>;
}

const SECTIONS = new Set([
  ...['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Rules', 'Mappings', 'Conditions'],
  ...['Transform', 'Resources', 'Outputs', 'Hooks', 'Globals'],
]);

/** @throws TemplateError */
export function parseTemplate(text: string): Template {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new TemplateError(`Templates have at most ${MAX_BYTES} bytes.`);
  const source = parseTemplateText(text);
  const strange = Object.keys(source).filter((name) => !SECTIONS.has(name));
  if (strange.length > 0) {
    throw new TemplateError(`Invalid template property or properties [${strange.join(', ')}]`);
  }
  const transforms = [source.Transform ?? []].flat() as string[];
  for (const name of transforms) {
    if (name !== 'AWS::Serverless-2016-10-31' && name !== 'AWS::LanguageExtensions') {
      throw new TemplateError(
        `No transform named ${JSON.stringify(name)} found: squib has AWS::Serverless-2016-10-31.`,
      );
    }
  }
  const expanded = transforms.includes('AWS::Serverless-2016-10-31') ? expandServerless(source) : source;
  const resources = mapped(section(expanded, 'Resources'), 'Resources', resource);
  if (Object.keys(resources).length === 0) {
    throw new TemplateError('Template format error: At least one Resources member must be defined.');
  }
  return {
    ...(typeof source.Description === 'string' && { description: source.Description }),
    ...(isObject(source.Metadata) && { metadata: source.Metadata }),
    transforms,
    parameters: mapped(section(source, 'Parameters'), 'Parameters', parameter),
    mappings: section(source, 'Mappings') as Template['mappings'],
    conditions: section(source, 'Conditions'),
    resources,
    outputs: mapped(section(source, 'Outputs'), 'Outputs', output),
  };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function section(source: JsonObject, name: string): JsonObject {
  const value = source[name] ?? {};
  if (!isObject(value)) throw new TemplateError(`Template format error: ${name} must be an object.`);
  return value;
}

function mapped<T>(
  source: JsonObject,
  path: string,
  read: (value: JsonObject, path: string) => T,
): Record<string, T> {
  const entries = Object.entries(source).map(([name, value]): [string, T] => {
    const here = `/${path}/${name}`;
    if (name.startsWith('Fn::')) {
      throw new TemplateError(`Template error: ${name} at /${path} is a function that squib does not have.`);
    }
    if (!LOGICAL_ID.test(name)) {
      throw new TemplateError(`Template format error: ${path} name ${name} is non alphanumeric.`);
    }
    if (!isObject(value))
      throw new TemplateError(`Template format error: [${here}] every member must be an object.`);
    return [name, read(value, here)];
  });
  return Object.fromEntries(entries);
}

/** Values of parameters are texts, whatever YAML made of them. */
const asText = (value: Json) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function parameter(source: JsonObject, path: string): ParameterDefinition {
  if (typeof source.Type !== 'string') {
    throw new TemplateError(
      `Template format error: [${path}] Every Parameters object must contain a Type member.`,
    );
  }
  const numbers = ['MinLength', 'MaxLength', 'MinValue', 'MaxValue'].filter(
    (name) => source[name] !== undefined,
  );
  return {
    ...(source as unknown as ParameterDefinition),
    ...(source.Default !== undefined && { Default: asText(source.Default) }),
    ...(source.AllowedValues !== undefined && { AllowedValues: [source.AllowedValues].flat().map(asText) }),
    NoEcho: String(source.NoEcho ?? false) === 'true',
    ...Object.fromEntries(numbers.map((name) => [name, Number(source[name])])),
  };
}

function resource(source: JsonObject, path: string): ResourceDefinition {
  const { Type, Properties = {}, DependsOn = [], Condition, DeletionPolicy = 'Delete', Metadata } = source;
  const { UpdateReplacePolicy = 'Delete' } = source;
  if (typeof Type !== 'string') {
    throw new TemplateError(
      `Template format error: [${path}] Every Resources object must contain a Type member.`,
    );
  }
  if (!isObject(Properties))
    throw new TemplateError(`Template format error: [${path}/Properties] must be an object.`);
  const dependsOn = [DependsOn].flat();
  if (dependsOn.some((name) => typeof name !== 'string')) {
    throw new TemplateError(`Template format error: [${path}/DependsOn] must be a name or a list of names.`);
  }
  if (!['Delete', 'Retain', 'RetainExceptOnCreate'].includes(String(DeletionPolicy))) {
    throw new TemplateError(
      `Template error: squib does not have the DeletionPolicy ${String(DeletionPolicy)} at ${path}.`,
    );
  }
  return {
    Type,
    Properties,
    DependsOn: dependsOn as string[],
    ...(typeof Condition === 'string' && { Condition }),
    DeletionPolicy: DeletionPolicy as ResourceDefinition['DeletionPolicy'],
    UpdateReplacePolicy: UpdateReplacePolicy === 'Retain' ? 'Retain' : 'Delete',
    ...(isObject(Metadata) && { Metadata }),
  };
}

function output(source: JsonObject, path: string): OutputDefinition {
  if (source.Value === undefined || source.Value === null) {
    throw new TemplateError(
      `Template format error: [${path}] Every Outputs member must contain a Value object`,
    );
  }
  const { Value, Description, Condition, Export } = source;
  return {
    Value,
    ...(typeof Description === 'string' && { Description }),
    ...(typeof Condition === 'string' && { Condition }),
    ...(isObject(Export) && Export.Name !== undefined && { Export: Export.Name }),
  };
}

import type { Json, JsonObject } from '../template/parse.ts';
import { isObject } from '../template/template.ts';
import { TemplateError } from '../template-error.ts';

/** Reading properties whose values may be texts where the service wants numbers: parameters always are texts. */

export function text(properties: JsonObject, name: string): string | undefined {
  const value = properties[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') throw new TemplateError(`Value of property ${name} must be of type String`);
  return String(value);
}

export function texts(properties: JsonObject, name: string): string[] {
  const value = properties[name] ?? [];
  if (!Array.isArray(value))
    throw new TemplateError(`Value of property ${name} must be of type List of String`);
  return value.map(String);
}

export function objects(properties: JsonObject, name: string): JsonObject[] {
  const value = properties[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject)) {
    throw new TemplateError(`Value of property ${name} must be a list of objects`);
  }
  return value;
}

/** A policy document, which templates write as an object. */
export function document(properties: JsonObject, name: string): string {
  const value = properties[name];
  if (!isObject(value)) throw new TemplateError(`Value of property ${name} must be an object`);
  return JSON.stringify(value);
}

/** `Tags` of a resource over those of its stack. */
export function tags(properties: JsonObject, stackTags: Readonly<Record<string, string>>) {
  const own = objects(properties, 'Tags').map((tag) => [String(tag.Key), String(tag.Value ?? '')] as const);
  return { ...stackTags, ...Object.fromEntries(own) };
}

const NUMBERS = /^(?:Port|MinimumMemoryInMiB|\w+TimeoutInSeconds)$/;

/** Members as the Lambda API names them (`TimeoutInSeconds` → `timeoutInSeconds`), numbers made of texts. */
export function lowerFirst(value: Json): Json {
  if (Array.isArray(value)) return value.map(lowerFirst);
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, member]) => {
    const number = NUMBERS.test(name) && typeof member === 'string' && /^\d+$/.test(member);
    return [name.charAt(0).toLowerCase() + name.slice(1), number ? Number(member) : lowerFirst(member)];
  });
  return Object.fromEntries(members);
}

/** Whether an error says that the thing is not there. */
export function isMissing(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string };
  return /NotFound|NoSuch/.test(`${code} ${name}`);
}

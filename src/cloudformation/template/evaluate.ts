import { TemplateError } from '../template-error.ts';
import { subnets } from './cidr.ts';
import { type FindParameter, parameterValue } from './parameters.ts';
import type { Json, JsonObject } from './parse.ts';
import { isObject, type Template } from './template.ts';

/** What functions ask about, beside the template itself. */
export interface Surroundings {
  parameters: Readonly<Record<string, string>>;
  storedParameter: FindParameter;
  /** Values of `AWS::Region` and the other pseudo parameters, but `AWS::NoValue`. */
  pseudo: Readonly<Record<string, string | string[]>>;
  /** `Ref` of a resource. @throws TemplateError when it does not exist (yet) */
  ref(logicalId: string): Json;
  /** @throws TemplateError when the resource has no such attribute */
  attribute(logicalId: string, name: string): Json;
  /** Value of another stack's export. @throws TemplateError when there is none */
  imported(name: string): Json;
}

/** Stands for a value that is to be left out (`AWS::NoValue`). */
const NO_VALUE = Symbol('AWS::NoValue');
type Value = Json | typeof NO_VALUE;

const MAX_DEPTH = 100;

/** Replaces the functions of a template by their values. */
export class Evaluator {
  readonly #template: Template;
  readonly #around: Surroundings;
  readonly #conditions = new Map<string, boolean>();
  #depth = 0;

  constructor(template: Template, around: Surroundings) {
    this.#template = template;
    this.#around = around;
  }

  /** Undefined for `AWS::NoValue`. @throws TemplateError */
  value(source: Json): Json | undefined {
    const value = this.#eval(source);
    return value === NO_VALUE ? undefined : value;
  }

  /** Undefined stands for no condition, which holds. @throws TemplateError */
  condition(name: string | undefined): boolean {
    if (name === undefined) return true;
    const known = this.#conditions.get(name);
    if (known !== undefined) return known;
    const source = this.#template.conditions[name];
    if (source === undefined)
      throw new TemplateError(`Template error: unresolved condition dependency ${name}.`);
    const result = this.#boolean(source);
    this.#conditions.set(name, result);
    return result;
  }

  #eval(source: Json): Value {
    if (++this.#depth > MAX_DEPTH)
      throw new TemplateError('Template error: nested too deeply, or in a circle.');
    try {
      if (Array.isArray(source)) {
        return source.map((item) => this.#eval(item)).filter((item): item is Json => item !== NO_VALUE);
      }
      if (!isObject(source)) return source;
      const [name, ...others] = Object.keys(source);
      if (name !== undefined && others.length === 0) {
        if (name === 'Ref') return this.#ref(source.Ref);
        if (name.startsWith('Fn::')) return this.#call(name, source[name] as Json);
      }
      const members = Object.entries(source).map(([key, item]) => [key, this.#eval(item)] as const);
      return Object.fromEntries(members.filter(([, item]) => item !== NO_VALUE)) as JsonObject;
    } finally {
      this.#depth--;
    }
  }

  #ref(name: Json | undefined): Value {
    if (name === 'AWS::NoValue') return NO_VALUE;
    if (typeof name !== 'string') throw new TemplateError('Template error: every Ref must name something.');
    const { pseudo, parameters, storedParameter, ref } = this.#around;
    if (Object.hasOwn(pseudo, name)) return pseudo[name] as Json;
    const definition = this.#template.parameters[name];
    return definition ? parameterValue(definition, parameters[name] ?? '', storedParameter) : ref(name);
  }

  #call(name: string, argument: Json): Value {
    const fail = (what: string): never => {
      throw new TemplateError(`Template error: ${name} ${what}.`);
    };
    const list = (value: Value, length?: number): Json[] => {
      if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
        return fail(`needs a list${length === undefined ? '' : ` of ${length} values`}`);
      }
      return value;
    };
    const text = (value: Value): string =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : fail('needs a text');

    switch (name) {
      case 'Fn::GetAtt': {
        const [id, ...path] =
          typeof argument === 'string'
            ? argument.split('.')
            : list(argument).map((part) => text(this.#eval(part)));
        return this.#around.attribute(id ?? '', path.join('.'));
      }
      case 'Fn::Sub':
        return this.#sub(argument, fail);
      case 'Fn::Join': {
        const [separator, items] = list(argument, 2);
        return list(this.#eval(items as Json))
          .map((item) => text(item))
          .join(text(separator as Json));
      }
      case 'Fn::Split': {
        const [separator, source] = list(argument, 2);
        return text(this.#eval(source as Json)).split(text(separator as Json));
      }
      case 'Fn::Select': {
        const [index, items] = list(argument, 2);
        const all = list(this.#eval(items as Json));
        const at = Number(text(this.#eval(index as Json)));
        return all[at] ?? fail(`cannot select nonexistent value at index ${at}`);
      }
      case 'Fn::If': {
        const [condition, yes, no] = list(argument, 3);
        return this.#eval((this.condition(text(condition as Json)) ? yes : no) as Json);
      }
      case 'Fn::FindInMap': {
        const [map, first, second, fallback] = list(argument).map((part) => this.#eval(part));
        const found = this.#template.mappings[text(map ?? '')]?.[text(first ?? '')]?.[text(second ?? '')];
        if (found !== undefined) return this.#eval(found);
        if (isObject(fallback) && fallback.DefaultValue !== undefined) return fallback.DefaultValue;
        return fail(`finds no mapping for ${[map, first, second].map(String).join('.')}`);
      }
      case 'Fn::ImportValue':
        return this.#around.imported(text(this.#eval(argument)));
      case 'Fn::Base64':
        return Buffer.from(text(this.#eval(argument))).toString('base64');
      case 'Fn::ToJsonString':
        return JSON.stringify(this.#eval(argument));
      case 'Fn::Length':
        return list(this.#eval(argument)).length;
      case 'Fn::GetAZs': {
        const region = text(this.#eval(argument)) || String(this.#around.pseudo['AWS::Region']);
        return ['a', 'b', 'c'].map((zone) => `${region}${zone}`);
      }
      case 'Fn::Cidr': {
        const [block, count, bits] = list(argument, 3).map((part) => text(this.#eval(part)));
        return (
          subnets(block ?? '', Number(count), Number(bits)) ??
          fail(`finds no ${count} IPv4 networks with ${bits} bits each in ${block}`)
        );
      }
      case 'Fn::Equals':
      case 'Fn::And':
      case 'Fn::Or':
      case 'Fn::Not':
        return this.#boolean({ [name]: argument });
      default:
        return fail('is a function that squib does not have');
    }
  }

  #sub(argument: Json, fail: (what: string) => never): string {
    const [source, given] = Array.isArray(argument) ? argument : [argument, {}];
    if (typeof source !== 'string' || !isObject(given)) return fail('needs a text, or a text and a map');
    return source.replace(/\$\{(!?)([^}]*)\}/g, (_, literal: string, inner: string) => {
      if (literal) return `\${${inner}}`;
      const name = inner.trim();
      const own = given[name];
      const dot = name.indexOf('.');
      const value =
        own !== undefined
          ? this.#eval(own)
          : dot > 0
            ? this.#around.attribute(name.slice(0, dot), name.slice(dot + 1))
            : this.#ref(name);
      if (typeof value === 'object' || typeof value === 'symbol')
        return fail(`cannot put a list or a map in \${${name}}`);
      return String(value);
    });
  }

  #boolean(source: Json): boolean {
    if (++this.#depth > MAX_DEPTH)
      throw new TemplateError('Template error: conditions are nested in a circle.');
    try {
      if (!isObject(source)) return String(source) === 'true';
      const [[name, argument] = ['', null]] = Object.entries(source);
      const items = Array.isArray(argument) ? argument : [argument];
      switch (name) {
        case 'Condition':
          return this.condition(String(argument));
        case 'Fn::Equals': {
          const [a, b] = items.map((item) => this.#eval(item as Json));
          return comparable(a) === comparable(b);
        }
        case 'Fn::And':
          return items.every((item) => this.#boolean(item as Json));
        case 'Fn::Or':
          return items.some((item) => this.#boolean(item as Json));
        case 'Fn::Not':
          return !this.#boolean(items[0] as Json);
        default: {
          const value = this.#eval(source);
          return String(value) === 'true';
        }
      }
    } finally {
      this.#depth--;
    }
  }
}

/** `1` and `"1"`, `true` and `"true"` are equal in conditions. */
const comparable = (value: Value | undefined) =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

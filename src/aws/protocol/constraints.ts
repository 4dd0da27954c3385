import type { MemberRef, ServiceModel, Shape } from './model.ts';
import { Violations } from './violations.ts';
import { WireError } from './wire-error.ts';

/** Adds to `found` whatever in `value` the model forbids. `value` is never null or undefined. */
type Check = (value: unknown, path: string, found: Violations) => void;

/** One rule about a single value; `phrase` is AWS's wording (spec: control-plane 1.2). */
interface Rule {
  holds(value: unknown): boolean;
  phrase: string;
}

/** AWS matches the whole value with Java's expressions, where `\s` is ASCII white space only. */
export function javaPattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern.replaceAll('\\s', ' \\t\\n\\v\\f\\r')})$`, 'u');
}

/** Characters as Smithy counts them: Unicode code points. */
function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--;
  }
  return count;
}

function size(value: unknown): number {
  if (typeof value === 'string') return characters(value);
  return Array.isArray(value) ? value.length : Object.keys(value as object).length;
}

function rulesOf(shape: Shape): Rule[] {
  const rules: Rule[] = [];
  const { min, max } = shape;
  const counted = shape.type === 'string' || shape.type === 'list' || shape.type === 'map';
  const what = counted ? 'length' : 'value';
  const measure = counted ? size : (value: unknown) => value as number;
  if (max !== undefined) {
    rules.push({
      holds: (value) => measure(value) <= max,
      phrase: `Member must have ${what} less than or equal to ${max}`,
    });
  }
  if (min !== undefined) {
    rules.push({
      holds: (value) => measure(value) >= min,
      phrase: `Member must have ${what} greater than or equal to ${min}`,
    });
  }
  if (shape.pattern !== undefined) {
    const expression = javaPattern(shape.pattern);
    rules.push({
      holds: (value) => expression.test(value as string),
      phrase: `Member must satisfy regular expression pattern: ${shape.pattern}`,
    });
  }
  if (shape.enum) {
    const values = new Set<unknown>(shape.enum);
    rules.push({
      holds: (value) => values.has(value),
      phrase: `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
    });
  }
  return rules;
}

function camelCase(member: string): string {
  return member.charAt(0).toLowerCase() + member.slice(1);
}

/** Builds the checks of a model once. */
class ConstraintCompiler {
  readonly #model: ServiceModel;
  readonly #cache = new Map<string, Check>();

  constructor(model: ServiceModel) {
    this.#model = model;
  }

  check(ref: MemberRef): Check {
    const key = `${ref.shape}${ref.sensitive ? '!' : ''}`;
    const known = this.#cache.get(key);
    if (known) return known;
    this.#cache.set(key, (value, path, found) => this.#cache.get(key)!(value, path, found));
    const shape = this.#model.shapes[ref.shape]!;
    const check = this.#build(shape, Boolean(ref.sensitive || shape.sensitive));
    this.#cache.set(key, check);
    return check;
  }

  #build(shape: Shape, sensitive: boolean): Check {
    if (shape.type === 'structure') return this.#structure(shape);
    const rules = rulesOf(shape);
    const own: Check = (value, path, found) => {
      for (const rule of rules) if (!rule.holds(value)) found.add(path, rule.phrase, value, sensitive);
    };
    if (shape.type === 'list') return this.#list(shape, own, sensitive);
    if (shape.type === 'map') return this.#map(shape, own, sensitive);
    return own;
  }

  #structure(shape: Shape): Check {
    const members = Object.entries(shape.members ?? {}).map(([name, ref]) => ({
      name,
      path: camelCase(name),
      required: shape.required?.includes(name) ?? false,
      check: this.check(ref),
    }));
    const options = members.map((member) => member.path).join(', ');
    return (value, path, found) => {
      const given = value as Record<string, unknown>;
      let set = 0;
      for (const { name, path: ownPath, required, check } of members) {
        const memberPath = path === '' ? ownPath : `${path}.${ownPath}`;
        const entry = given[name];
        if (entry !== undefined) {
          set++;
          check(entry, memberPath, found);
        } else if (required) {
          found.add(memberPath, 'Member must not be null', null, false);
        }
      }
      // Decision C17: AWS's wording for a union is not recorded.
      if (shape.union && set !== 1) {
        found.add(path, `Member must have exactly one of these members set: [${options}]`, undefined, true);
      }
    };
  }

  #list(shape: Shape, own: Check, sensitive: boolean): Check {
    const item = this.#element(shape.member!, 'Member must satisfy constraint');
    return (value, path, found) => {
      own(value, path, found);
      const entries = value as unknown[];
      if (item.rules) return item.report(entries, value, path, found, sensitive);
      for (const [index, entry] of entries.entries()) {
        const entryPath = `${path}.${index + 1}.member`;
        if (entry === undefined) found.add(entryPath, 'Member must not be null', null, false);
        else item.check(entry, entryPath, found);
        if (found.full) return;
      }
    };
  }

  #map(shape: Shape, own: Check, sensitive: boolean): Check {
    const key = this.#element(shape.key!, 'Map keys must satisfy constraint');
    const item = this.#element(shape.value!, 'Map value must satisfy constraint');
    return (value, path, found) => {
      own(value, path, found);
      const map = value as Record<string, unknown>;
      key.report(Object.keys(map), value, path, found, sensitive);
      if (item.rules) return item.report(Object.values(map), value, path, found, sensitive);
      for (const [name, entry] of Object.entries(map)) {
        const entryPath = `${path}.${name}.member`;
        if (entry === undefined) found.add(entryPath, 'Member must not be null', null, false);
        else item.check(entry, entryPath, found);
        if (found.full) return;
      }
    };
  }

  /** Plain entries are not reported one by one: AWS names the whole collection with all its entries' rules. */
  #element(ref: MemberRef, title: string) {
    const shape = this.#model.shapes[ref.shape]!;
    const scalar = !['structure', 'list', 'map'].includes(shape.type);
    const rules = scalar ? rulesOf(shape) : undefined;
    const phrase = `${title}: [${rules?.map((rule) => rule.phrase).join(', ')}]`;
    const secret = Boolean(ref.sensitive || shape.sensitive);
    return {
      rules,
      check: this.check(ref),
      report(entries: unknown[], whole: unknown, path: string, found: Violations, sensitive: boolean): void {
        if (entries.includes(undefined)) {
          found.add(path, `${title}: [Member must not be null]`, whole, secret || sensitive);
        }
        const given = entries.filter((entry) => entry !== undefined);
        if (given.every((entry) => rules!.every((rule) => rule.holds(entry)))) return;
        found.add(path, phrase, whole, secret || sensitive);
      },
    };
  }
}

/** @returns for a structure's name, a function that throws one `ValidationException` naming all violations */
export function compileConstraints(
  model: ServiceModel,
): (shapeName: string) => (input: Record<string, unknown>) => void {
  const compiler = new ConstraintCompiler(model);
  return (shapeName) => {
    const check = compiler.check({ shape: shapeName });
    return (input) => {
      const found = new Violations();
      check(input, '', found);
      if (found.count > 0) throw new WireError('ValidationException', 400, found.message());
    };
  };
}

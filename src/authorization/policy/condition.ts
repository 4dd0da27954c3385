import { type Operator, operators, type Wanted } from './operators.ts';
import { PolicyError } from './policy-error.ts';
import type { RequestContext } from './request-context.ts';
import { textList } from './text-list.ts';

export type Effect = 'Allow' | 'Deny';

/** One operator on one key; a statement applies only when all of its conditions hold. */
export type Condition = (context: RequestContext, effect: Effect) => boolean;

interface Form {
  operator: string;
  quantifier: 'ForAllValues' | 'ForAnyValue' | undefined;
  ifExists: boolean;
}

const KEY = /^[\w.-]+:\S.*$/s;

function parseForm(name: string, path: string): Form {
  const [, quantifier, operator, ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name) ?? [];
  const known = operator !== undefined && (operator === 'Null' || operators.has(operator));
  if (!known) throw new PolicyError(path, `uses the condition operator '${name}', which squib does not know`);
  if (operator === 'Null' && (quantifier !== undefined || ifExists !== undefined)) {
    throw new PolicyError(path, `uses '${name}', but Null stands alone`);
  }
  return {
    operator,
    quantifier: quantifier as Form['quantifier'],
    ifExists: ifExists !== undefined,
  };
}

/**
 * @param block the value of `Condition`: operator → key → values
 * @throws PolicyError
 */
export function parseConditions(block: unknown, path: string, variables: boolean): Condition[] {
  const conditions: Condition[] = [];
  for (const [name, keys] of members(block, path)) {
    const form = parseForm(name, path);
    for (const [key, value] of members(keys, `${path}.${name}`)) {
      const here = `${path}.${name}['${key}']`;
      if (!KEY.test(key)) throw new PolicyError(here, 'is no condition key of the form service:key');
      const texts = textList(value, here, { scalars: true });
      conditions.push(
        form.operator === 'Null'
          ? nullCondition(key, texts, here)
          : comparison(
              form,
              key,
              texts.map((text) => operators.get(form.operator)!.prepare(text, { variables, path: here })),
            ),
      );
    }
  }
  return conditions;
}

function members(value: unknown, path: string): [string, unknown][] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolicyError(path, 'must be an object');
  }
  return Object.entries(value);
}

function nullCondition(key: string, texts: readonly string[], path: string): Condition {
  const wanted = texts.map((text) => {
    const lower = text.toLowerCase();
    if (lower !== 'true' && lower !== 'false') throw new PolicyError(path, "must be 'true' or 'false'");
    return lower === 'true';
  });
  return (context) => wanted.includes(context.values(key) === undefined);
}

function comparison(form: Form, key: string, wanted: readonly Wanted[]): Condition {
  const { negated }: Operator = operators.get(form.operator)!;
  return (context, effect) => {
    const values = context.values(key);
    if (values === undefined) {
      if (form.ifExists || form.quantifier === 'ForAllValues') return true;
      return form.quantifier === 'ForAnyValue' ? false : negated;
    }
    const tests = wanted.map((each) => each(context));
    // A policy variable without a value: the safe side is that an Allow does not apply, and a Deny matches nothing by it.
    if (effect === 'Allow' && tests.includes(undefined)) return false;
    const holds = (value: string) => tests.some((test) => test?.(value)) !== negated;
    // AWS leaves open what several values mean without a quantifier; this is the reading that grants less.
    const every = form.quantifier === undefined ? effect === 'Allow' : form.quantifier === 'ForAllValues';
    return every ? values.every(holds) : values.some(holds);
  };
}

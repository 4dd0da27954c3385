import { type Condition, type Effect, parseConditions } from './condition.ts';
import { matches, type Pattern, parsePattern, resolvePattern } from './pattern.ts';
import { PolicyError } from './policy-error.ts';
import type { RequestContext } from './request-context.ts';
import { textList } from './text-list.ts';

/** What a principal wants to do. */
export interface Question {
  /** For example `lambda:RunMicrovm`. */
  action: string;
  /** ARN, or `*` for operations that act on no single resource. */
  resource: string;
}

/** One statement of a policy, ready to be asked. */
export interface Statement {
  effect: Effect;
  sid: string | undefined;
  applies(question: Question, context: RequestContext): boolean;
}

const KNOWN = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
const ACTION = /^(?:\*|[a-z0-9-]+:[\w*?-]+)$/i;

/** @throws PolicyError */
export function parseStatement(given: unknown, path: string, variables: boolean): Statement {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new PolicyError(path, 'must be an object');
  }
  const source = given as Record<string, unknown>;
  for (const name of Object.keys(source)) {
    if (name === 'Principal' || name === 'NotPrincipal') {
      throw new PolicyError(path, `must not name a ${name}: the policy belongs to one already`);
    }
    if (!KNOWN.includes(name)) throw new PolicyError(path, `has a member '${name}', which no statement has`);
  }
  const { Sid: sid, Effect: effect } = source;
  if (sid !== undefined && (typeof sid !== 'string' || !/^[a-zA-Z0-9]*$/.test(sid))) {
    throw new PolicyError(`${path}.Sid`, 'must consist of letters and digits');
  }
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw new PolicyError(`${path}.Effect`, "must be 'Allow' or 'Deny'");
  }
  const acts = parseActions(source, path);
  const covers = parseResources(source, path, variables);
  const conditions: Condition[] =
    source.Condition === undefined ? [] : parseConditions(source.Condition, `${path}.Condition`, variables);
  return {
    effect,
    sid,
    applies: (question, context) =>
      acts(question.action) &&
      covers(question.resource, context, effect) &&
      conditions.every((condition) => condition(context, effect)),
  };
}

/** Which of `name` and `Not<name>` the statement has: exactly one. */
function oneOf(source: Record<string, unknown>, name: string, path: string) {
  const negated = source[name] === undefined;
  const given = source[negated ? `Not${name}` : name];
  if (given === undefined) throw new PolicyError(path, `must have ${name} or Not${name}`);
  if (!negated && source[`Not${name}`] !== undefined) {
    throw new PolicyError(path, `must not have both ${name} and Not${name}`);
  }
  const here = `${path}.${negated ? 'Not' : ''}${name}`;
  return { negated, here, texts: textList(given, here, { scalars: false }) };
}

/** Names of actions are compared without case. */
function parseActions(source: Record<string, unknown>, path: string): (action: string) => boolean {
  const { negated, here, texts } = oneOf(source, 'Action', path);
  const patterns = texts.map((text) => {
    if (!ACTION.test(text))
      throw new PolicyError(here, `holds '${text}', which is not of the form service:Action`);
    const [pieces] = parsePattern(text.toLowerCase(), { wildcards: true, variables: false, path: here });
    return pieces as readonly number[];
  });
  return (action) => {
    const lower = action.toLowerCase();
    return patterns.some((pattern) => matches(pattern, lower)) !== negated;
  };
}

function parseResources(source: Record<string, unknown>, path: string, variables: boolean) {
  const { negated, here, texts } = oneOf(source, 'Resource', path);
  const patterns: Pattern[] = texts.map((text) => {
    if (text !== '*' && !text.startsWith('arn:')) {
      throw new PolicyError(here, `holds '${text}', which is neither an ARN nor '*'`);
    }
    return parsePattern(text, { wildcards: true, variables, path: here });
  });
  return (resource: string, context: RequestContext, effect: Effect): boolean => {
    const resolved = patterns.map((pattern) => resolvePattern(pattern, context));
    // As in conditions: without a variable's value an Allow must not become wider through NotResource.
    if (negated && effect === 'Allow' && resolved.includes(undefined)) return false;
    return resolved.some((pieces) => pieces !== undefined && matches(pieces, resource)) !== negated;
  };
}

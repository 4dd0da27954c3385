import { BlockList, isIP } from 'node:net';
import {
  arnComponents,
  matches,
  type PatternOptions,
  parsePattern,
  resolvePattern,
  textOf,
} from './pattern.ts';
import { PolicyError } from './policy-error.ts';
import type { RequestContext } from './request-context.ts';

/** Says whether the request's value fits. */
export type Test = (actual: string) => boolean;
/** One value of a condition, made ready when the policy is parsed; undefined when a policy variable has no value. */
export type Wanted = (context: RequestContext) => Test | undefined;

export interface Operator {
  /** Holds when nothing listed fits, and when the key is absent. */
  negated: boolean;
  /** @throws PolicyError for a value that the operator can never compare */
  prepare(text: string, options: Omit<PatternOptions, 'wildcards'>): Wanted;
}

function patterned(wildcards: boolean, toTest: (pieces: readonly number[]) => Test): Operator['prepare'] {
  return (text, options) => {
    const pattern = parsePattern(text, { ...options, wildcards });
    const constant = pattern.length === 1 ? toTest(pattern[0] as readonly number[]) : undefined;
    return (context) => {
      if (constant) return constant;
      const pieces = resolvePattern(pattern, context);
      return pieces && toTest(pieces);
    };
  };
}

const exactly = patterned(false, (pieces) => (actual) => matches(pieces, actual));
const like = patterned(true, (pieces) => (actual) => matches(pieces, actual));
const ignoringCase = patterned(false, (pieces) => {
  const wanted = textOf(pieces).toLowerCase();
  return (actual) => actual.toLowerCase() === wanted;
});

/** Component by component, so that a `*` before the resource never reaches over a colon. */
const arnLike = patterned(true, (pieces) => {
  const wanted = arnComponents(pieces);
  return (actual) => {
    const components = actual.split(':');
    const given = [...components.slice(0, 5), components.slice(5).join(':')];
    return (
      components.length >= 6 && wanted.length === 6 && wanted.every((part, i) => matches(part, given[i]!))
    );
  };
});

/** Compares what `read` makes of both sides; whatever it cannot read fits nothing. */
function compared<Value>(
  kind: string,
  read: (text: string) => Value | undefined,
  fits: (wanted: Value, actual: Value) => boolean,
): Operator['prepare'] {
  const prepare = patterned(false, (pieces) => {
    const wanted = read(textOf(pieces));
    return (actual) => {
      const value = read(actual);
      return wanted !== undefined && value !== undefined && fits(wanted, value);
    };
  });
  return (text, options) => {
    const variable = options.variables && text.includes('${');
    if (!variable && read(text) === undefined)
      throw new PolicyError(options.path, `holds '${text}', which is no ${kind}`);
    return prepare(text, options);
  };
}

function readNumber(text: string): number | undefined {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined;
}

/** ISO 8601 (with or without time) or epoch seconds. */
function readDate(text: string): number | undefined {
  const seconds = readNumber(text);
  if (seconds !== undefined) return seconds * 1000;
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return undefined;
  const zoned = /T/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text}Z` : text;
  const milliseconds = Date.parse(zoned);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

interface Network {
  address: string;
  family: 'ipv4' | 'ipv6';
  prefix: number;
}

function readNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.replace(/^::ffff:(?=\d+\.)/i, '').split('/');
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : longest + 1;
  if (version === 0 || bits > longest || rest.length > 0 || address.includes('%')) return undefined;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefix: bits };
}

function contains(network: Network, { address, family }: Network): boolean {
  if (network.family !== family) return false;
  const list = new BlockList();
  list.addSubnet(network.address, network.prefix, network.family);
  return list.check(address, family);
}

const number = (fits: (wanted: number, actual: number) => boolean) => compared('number', readNumber, fits);
const date = (fits: (wanted: number, actual: number) => boolean) => compared('date', readDate, fits);
const address = compared('IP address or CIDR block', readNetwork, contains);
const when = (prepare: Operator['prepare']): Operator => ({ negated: false, prepare });
const unless = (prepare: Operator['prepare']): Operator => ({ negated: true, prepare });

/** Every condition operator but `Null`, by the name that AWS gives it. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', when(exactly)],
  ['StringNotEquals', unless(exactly)],
  ['StringEqualsIgnoreCase', when(ignoringCase)],
  ['StringNotEqualsIgnoreCase', unless(ignoringCase)],
  ['StringLike', when(like)],
  ['StringNotLike', unless(like)],
  // AWS: "ArnEquals and ArnLike behave identically".
  ['ArnEquals', when(arnLike)],
  ['ArnLike', when(arnLike)],
  ['ArnNotEquals', unless(arnLike)],
  ['ArnNotLike', unless(arnLike)],
  ['Bool', when(compared('boolean', readBoolean, (wanted, actual) => wanted === actual))],
  ['NumericEquals', when(number((wanted, actual) => actual === wanted))],
  ['NumericNotEquals', unless(number((wanted, actual) => actual === wanted))],
  ['NumericLessThan', when(number((wanted, actual) => actual < wanted))],
  ['NumericLessThanEquals', when(number((wanted, actual) => actual <= wanted))],
  ['NumericGreaterThan', when(number((wanted, actual) => actual > wanted))],
  ['NumericGreaterThanEquals', when(number((wanted, actual) => actual >= wanted))],
  ['DateEquals', when(date((wanted, actual) => actual === wanted))],
  ['DateNotEquals', unless(date((wanted, actual) => actual === wanted))],
  ['DateLessThan', when(date((wanted, actual) => actual < wanted))],
  ['DateLessThanEquals', when(date((wanted, actual) => actual <= wanted))],
  ['DateGreaterThan', when(date((wanted, actual) => actual > wanted))],
  ['DateGreaterThanEquals', when(date((wanted, actual) => actual >= wanted))],
  ['IpAddress', when(address)],
  ['NotIpAddress', unless(address)],
]);

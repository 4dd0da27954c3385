import type { Answer } from '../http/answer.ts';
import { parseQuery } from '../http/query-string.ts';
import { WireError } from './wire-error.ts';
import { writeXml, type XmlValue } from './xml.ts';

/** A request of the query protocol: an action and its parameters, from the form in the body or from the URL. */
export interface QueryRequest {
  action: string;
  /** Structures and lists as clients flatten them (`Tags.member.1.Key`) are put together; all other values are texts. */
  input: Record<string, unknown>;
}

/** Deeper than any operation's input. */
const MAX_DEPTH = 12;

/** @throws WireError for text that cannot be decoded */
export function parseQueryRequest(query: string, body: Buffer): QueryRequest {
  const parameters = new Map<string, string>();
  for (const text of [query, body.toString('utf8').trim()]) {
    for (const [name, value] of parseQuery(text)) parameters.set(name, value);
  }
  const root: Node = new Map();
  for (const [name, value] of parameters) place(root, name, value);
  return { action: parameters.get('Action') ?? '', input: unflatten(root) as Record<string, unknown> };
}

type Node = Map<string, Node | string>;

function place(root: Node, name: string, value: string): void {
  const path = name.split('.');
  if (path.length > MAX_DEPTH) throw malformed(name);
  const last = path.pop() ?? '';
  let node = root;
  for (const part of path) {
    const next: Node | string = node.get(part) ?? new Map();
    if (typeof next === 'string') throw malformed(name);
    node.set(part, next);
    node = next;
  }
  node.set(last, value);
}

const malformed = (name: string) =>
  new WireError('MalformedInput', 400, `The parameter ${name} is malformed.`);

function unflatten(node: Node | string): unknown {
  if (typeof node === 'string') return node;
  const list = node.get('member');
  if (node.size === 1 && list instanceof Map) {
    const items = [...list].sort(([a], [b]) => Number(a) - Number(b));
    return items.map(([, item]) => unflatten(item));
  }
  // An empty list is sent as `Name=`; a structure never has an entry without a name.
  return Object.fromEntries([...node].map(([name, value]) => [name, unflatten(value)]));
}

/** The members of an answer as this protocol writes them: lists with `member` elements, times in ISO 8601. */
function toXml(value: unknown): XmlValue {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.length === 0 ? {} : { member: value.map(toXml) };
  if (typeof value !== 'object') return value as XmlValue;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toXml(member)]));
}

export function queryAnswer(
  action: string,
  namespace: string,
  requestId: string,
  result: Record<string, unknown>,
): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: writeXml(
      `${action}Response`,
      { [`${action}Result`]: toXml(result), ResponseMetadata: { RequestId: requestId } },
      namespace,
    ),
  };
}

export function queryErrorAnswer(
  { code, status, message }: WireError,
  namespace: string,
  requestId: string,
): Answer {
  const Type = status >= 500 ? 'Receiver' : 'Sender';
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: writeXml(
      'ErrorResponse',
      { Error: { Type, Code: code, Message: message }, RequestId: requestId },
      namespace,
    ),
  };
}

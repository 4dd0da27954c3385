import {
  type CollectionTag,
  parseDocument,
  type ScalarTag,
  type Tags,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { JsonMap, JsonValue } from '../../store/stack-records.ts';
import { TemplateError } from '../template-error.ts';

/** Short forms of functions (`!Ref x`) are in their long form. */
export type Json = JsonValue;
export type JsonObject = JsonMap;

const FUNCTIONS = [
  ...['Base64', 'Cidr', 'FindInMap', 'GetAZs', 'ImportValue', 'Join', 'Select', 'Split', 'Sub', 'Transform'],
  ...['And', 'Equals', 'If', 'Not', 'Or', 'ToJsonString', 'Length', 'ForEach', 'GetAtt'],
];

/** Aliases may repeat an anchor, but not grow without end. */
const MAX_ALIASES = 100;

const longName = (short: string) => (short === 'Ref' || short === 'Condition' ? short : `Fn::${short}`);

const functionTags: Tags = ['Ref', 'Condition', ...FUNCTIONS].flatMap((short) => {
  const wrap = (value: unknown) => ({ [longName(short)]: value });
  const scalar: ScalarTag = {
    tag: `!${short}`,
    resolve(text: string) {
      if (short !== 'GetAtt') return wrap(text);
      const at = text.indexOf('.');
      return wrap(at < 0 ? text : [text.slice(0, at), text.slice(at + 1)]);
    },
  };
  const collection = (kind: 'map' | 'seq'): CollectionTag => ({
    tag: `!${short}`,
    collection: kind,
    resolve: (node: YAMLMap | YAMLSeq) => new FunctionNode(longName(short), node) as unknown as YAMLMap,
  });
  return [scalar, collection('seq'), collection('map')];
});

/** A collection with a function's tag, until the document is turned into plain values. */
class FunctionNode {
  readonly name: string;
  readonly node: YAMLMap | YAMLSeq;
  constructor(name: string, node: YAMLMap | YAMLSeq) {
    this.name = name;
    this.node = node;
  }
  toJSON(arg: unknown, context: Parameters<YAMLMap['toJSON']>[1]): unknown {
    return { [this.name]: this.node.toJSON(arg, context) };
  }
}

/**
 * Reads a template in JSON or YAML.
 * @throws TemplateError with the line of what is wrong
 */
export function parseTemplateText(text: string): JsonObject {
  // JSON is YAML too. With the core schema `yes` and dates stay texts.
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    customTags: functionTags,
    merge: true,
    stringKeys: true,
    prettyErrors: true,
    uniqueKeys: true,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    throw new TemplateError(`Template format error: ${problem.message.split('\n')[0]}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw new TemplateError(`Template format error: ${(error as Error).message}`);
  }
  const plain: Json = JSON.parse(JSON.stringify(value ?? null));
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain)) {
    throw new TemplateError('Template format error: unsupported structure.');
  }
  return plain;
}

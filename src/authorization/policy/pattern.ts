import { PolicyError } from './policy-error.ts';
import type { RequestContext } from './request-context.ts';

/** `*` */
const MANY = -1;
/** `?` */
const ONE = -2;

/** UTF-16 code units, with {@link MANY} and {@link ONE} among them: so a literal `*` is never taken for a wildcard. */
type Piece = number;

interface Variable {
  key: string;
  fallback: string | undefined;
}

/** A text of a policy with its wildcards and policy variables told apart. */
export type Pattern = readonly (readonly Piece[] | Variable)[];

export interface PatternOptions {
  /** `*` and `?` stand for anything; else they are themselves. */
  wildcards: boolean;
  /** `${aws:username}` is replaced; policies of version 2008-10-17 know no variables. */
  variables: boolean;
  /** Where the text stands in the document. */
  path: string;
}

const VARIABLE = /\$\{\s*(?:([*?$])|([\w.-]+:[^\s,{}']+)(?:\s*,\s*'([^']*)')?)\s*\}/y;

const literal = (text: string): Piece[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));

/** @throws PolicyError for `${` that begins no policy variable */
export function parsePattern(text: string, { wildcards, variables, path }: PatternOptions): Pattern {
  const parts: (Piece[] | Variable)[] = [];
  let pieces: Piece[] = [];
  for (let at = 0; at < text.length; at++) {
    if (variables && text.startsWith('${', at)) {
      VARIABLE.lastIndex = at;
      const [whole, escaped, key, fallback] = VARIABLE.exec(text) ?? [];
      if (whole === undefined) throw new PolicyError(path, `holds '\${' that begins no policy variable`);
      if (escaped !== undefined) pieces.push(escaped.charCodeAt(0));
      else if (key !== undefined) {
        parts.push(pieces, { key, fallback });
        pieces = [];
      }
      at += whole.length - 1;
    } else {
      const char = text[at]!;
      pieces.push(wildcards && char === '*' ? MANY : wildcards && char === '?' ? ONE : char.charCodeAt(0));
    }
  }
  parts.push(pieces);
  return parts;
}

/** The pattern for one request; undefined when it needs a value that the request does not have (or has several of). */
export function resolvePattern(pattern: Pattern, context: RequestContext): readonly Piece[] | undefined {
  if (pattern.length === 1) return pattern[0] as readonly Piece[];
  const pieces: Piece[] = [];
  for (const part of pattern) {
    if (!('key' in part)) {
      for (const piece of part) pieces.push(piece);
      continue;
    }
    const values = context.values(part.key);
    const value = values?.length === 1 ? values[0] : part.fallback;
    if (value === undefined) return undefined;
    for (const piece of literal(value)) pieces.push(piece);
  }
  return pieces;
}

/** Text without wildcards, as a resolved pattern holds it. */
export function textOf(pieces: readonly Piece[]): string {
  return String.fromCharCode(...pieces);
}

/** `*` spans everything, colons and slashes included. Time grows with the product of both lengths at worst. */
export function matches(pieces: readonly Piece[], text: string): boolean {
  let piece = 0;
  let at = 0;
  let star = -1;
  let retry = 0;
  while (at < text.length) {
    const wanted = pieces[piece];
    if (wanted === MANY) {
      star = piece++;
      retry = at;
    } else if (wanted === ONE || wanted === text.charCodeAt(at)) {
      piece++;
      at++;
    } else if (star >= 0) {
      // The last `*` takes one character more; earlier ones never need to.
      piece = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (pieces[piece] === MANY) piece++;
  return piece === pieces.length;
}

/** Splits at the first five colons, into the six components of an ARN (the last one keeps its colons). */
export function arnComponents(pieces: readonly Piece[]): readonly Piece[][] {
  const components: Piece[][] = [[]];
  for (const piece of pieces) {
    if (piece === 58 && components.length < 6) components.push([]);
    else components.at(-1)!.push(piece);
  }
  return components;
}

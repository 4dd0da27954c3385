import { PolicyError } from './policy-error.ts';

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Refuses JSON text in which an object names a member twice: `JSON.parse` keeps only the last one, so a second
 * `StringEquals` would silently remove the first one's restriction.
 *
 * @param text valid JSON
 */
export function checkUniqueNames(text: string): void {
  /** One set of names for each open object, undefined for an open list. */
  const open: (Set<string> | undefined)[] = [];
  let awaitsName = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') {
      open.push(new Set());
      awaitsName = true;
    } else if (token === '[') {
      open.push(undefined);
      awaitsName = false;
    } else if (token === '}' || token === ']') {
      open.pop();
      awaitsName = false;
    } else if (token === ',') {
      awaitsName = open.at(-1) !== undefined;
    } else if (token === ':') {
      awaitsName = false;
    } else if (awaitsName) {
      const name = JSON.parse(token) as string;
      const names = open.at(-1)!;
      if (names.has(name)) throw new PolicyError('', `names '${name}' twice in one object`);
      names.add(name);
    }
  }
}

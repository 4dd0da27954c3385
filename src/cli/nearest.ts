import { commandNames } from './commands.ts';

/** The command that a mistyped name most likely meant; undefined when none is near. */
export function nearest(given: string): string | undefined {
  const [best] = commandNames
    .map((name) => ({ name, far: distance(given, name) }))
    .sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.ceil(best.name.length / 3) ? best.name : undefined;
}

/** How many letters have to be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

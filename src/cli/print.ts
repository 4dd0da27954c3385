import { table } from './table.ts';

/** For programs. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, undefined, 2));
}

/** A list for people; `empty` is said where it has nothing, on standard error. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): void {
  if (rows.length > 0) console.log(table(headings, rows));
  else console.error(empty);
}

/** Names and values below each other; what has no value is left out. */
export function printFields(fields: Readonly<Record<string, string | undefined>>): void {
  const given = Object.entries(fields).filter((field): field is [string, string] => Boolean(field[1]));
  const width = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) console.log(`${`${name}:`.padEnd(width + 2)}${value}`);
}

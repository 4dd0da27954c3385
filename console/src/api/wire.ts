/** A value as JSON carries it: a time is a number of seconds (AWS's) or an ISO 8601 text (squib's own). */
export type Wire<T> = T extends Date
  ? number | string
  : T extends object
    ? { [Name in keyof T]: Wire<T[Name]> }
    : T;

/** Epoch milliseconds. */
export function toTime(value: number | string): number {
  return typeof value === 'number' ? value * 1000 : Date.parse(value);
}

/** One line of the table, and one element of the JSON list. */
export interface Result {
  name: string;
  /** Median of what was measured, in `unit`. */
  value: number;
  unit: string;
  /** Median of the floor, measured between the values, in the same unit; null where there is none. */
  floor: number | null;
  /** `value / floor`, or what the budget speaks of instead; null where there is no budget. */
  ratio: number | null;
  /** The most (or least) that the ratio may be, in words: `≤ 1.3`. */
  budget: string | null;
  met: boolean | null;
}

/** What every benchmark is told. */
export interface BenchOptions {
  /** Few repetitions: says whether the benchmark works, its figures are rough. */
  quick: boolean;
  /** For what is worth seeing beside the figures; goes to standard error. */
  note(line: string): void;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

/** A figure that may be at most `most` times its floor. */
export function atMost(name: string, unit: string, value: number, floor: number, most: number): Result {
  const ratio = value / floor;
  return { name, value, unit, floor, ratio, budget: `≤ ${most}`, met: ratio <= most };
}

/** A figure that must be at least `least` times its floor. */
export function atLeast(name: string, unit: string, value: number, floor: number, least: number): Result {
  const ratio = value / floor;
  return { name, value, unit, floor, ratio, budget: `≥ ${least}`, met: ratio >= least };
}

/** A figure without a budget, for orientation. */
export function figure(name: string, unit: string, value: number): Result {
  return { name, value, unit, floor: null, ratio: null, budget: null, met: null };
}

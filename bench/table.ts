import type { Result } from './result.ts';

const digits = (value: number | null) =>
  value === null ? '' : value >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** Results as aligned text. */
export function table(results: readonly Result[]): string {
  const head = ['what', 'value', 'unit', 'floor', 'ratio', 'budget', ''];
  const rows = results.map(({ name, value, unit, floor, ratio, budget, met }) => [
    ...[name, digits(value), unit, digits(floor), digits(ratio), budget ?? ''],
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n');
}

/** One step of the demo with its duration and what AWS takes for the same. */
interface Timing {
  step: string;
  milliseconds: number;
  /** As measured by users of AWS; empty where nobody measured it. */
  atAws: string;
}

const seconds = (milliseconds: number) =>
  milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;

/** Collects durations while the demo goes on and prints them as one table at its end. */
export class Timings {
  readonly #all: Timing[] = [];

  /** Runs one step, prints its duration, and keeps it for the table. */
  async measure<T>(step: string, atAws: string, action: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await action();
    const milliseconds = performance.now() - start;
    this.#all.push({ step, milliseconds, atAws });
    console.log(`  ${step}: ${seconds(milliseconds)}`);
    return result;
  }

  table(): string {
    const rows = [
      ['step', 'here', 'at AWS'],
      ...this.#all.map((t) => [t.step, seconds(t.milliseconds), t.atAws]),
    ];
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    return rows
      .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
      .join('\n');
  }
}

// Measures squib against floors taken in the same run: npm run bench -- [--quick] [--only NAME] [--json FILE]
import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { BenchOptions, Result } from './result.ts';
import { table } from './table.ts';

const names = ['run', 'suspend', 'endpoint', 'api', 'density', 'build', 'network'];

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'string' } },
});
if (values.only !== undefined && !names.includes(values.only)) {
  console.error(`There is no benchmark '${values.only}'; there are ${names.join(', ')}.`);
  process.exit(2);
}

const options: BenchOptions = {
  quick: values.quick ?? false,
  note: (line) => console.error(`  ${line}`),
};
const results: Result[] = [];
let failed = false;
for (const name of names) {
  if (values.only !== undefined && values.only !== name) continue;
  const file = new URL(`./${name}.ts`, import.meta.url);
  if (!existsSync(file)) continue;
  console.error(`benchmark ${name} …`);
  try {
    const { bench } = (await import(file.href)) as { bench(o: BenchOptions): Promise<Result[]> };
    results.push(...(await bench(options)));
  } catch (error) {
    // The others are still worth measuring; the exit code says that something is missing.
    failed = true;
    console.error(error);
  }
}
console.log(table(results));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exitCode = failed ? 1 : 0;

// Runs lint, type check and every test; the last line is `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { readConfig } from '../src/config/config.ts';
import { leftProcesses } from './support/leftovers.ts';

/** Files that take a minute and more, the longest first: one that begins late would run alone at the end. */
const longest = [
  ...['patterns/patterns', 'examples/examples', 'patterns/ide', 'patterns/s3-files', 'docs/guides'],
  ...['walls/walls', 'host/standby', 'console/journeys', 'e2e/crash-steps', 'conformance/conformance'],
  ...['patterns/tenants', 'patterns/deploy', 'clients/clients', 'services/cloudformation', 'builder/limits'],
  ...['e2e/crash', 'e2e/image-build', 'soak/lifecycle', 'console/pages', 'e2e/host-faults', 'builder/build'],
  ...['ingress/large-bodies', 'e2e/fork', 'e2e/damage', 'tools/cdk', 'services/execution-role'],
].map((name) => `test/${name}.test.ts`);
const rank = (file: string) => (longest.includes(file) ? longest.indexOf(file) : longest.length);

// Every squib of the tests has settings and data of its own, whatever its user's squib has.
for (const name of ['SQUIB_CONFIG', 'SQUIB_DATA_DIR']) delete process.env[name];
// Compiled once, daemons, commands and files of tests start in a third of the time.
process.env.NODE_COMPILE_CACHE ??= join(readConfig().cacheDir, 'node');
const shared = mkdtempSync('/tmp/squib-shared-');
process.env.SQUIB_TESTS_SHARED = shared;

const only = process.argv.slice(2);
let passed = 0;
let failed = 0;

if (only.length === 0) {
  for (const [name, ...command] of [
    ['lint and format', 'biome', 'check', '--error-on-warnings', '.'],
    ['type check', 'tsc', '--noEmit'],
    ['type check of the console', 'tsc', '--noEmit', '-p', 'console'],
  ]) {
    const [program = '', ...args] = command;
    const { status } = spawnSync(program, args, { stdio: 'inherit' });
    console.log(`${status === 0 ? '✔' : '✖'} ${name}`);
    if (status === 0) passed++;
    else failed++;
  }
}

const patterns = only.length > 0 ? only : ['test/**/*.test.ts'];
const files = patterns
  .flatMap((pattern) => globSync(pattern))
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
// Two at a time: most tests wait for a virtual machine, and machines are small.
const stream = run({ files, concurrency: 2, timeout: 1_500_000 });
stream.on('test:pass', ({ details, skip }) => {
  if (details.type !== 'suite' && !skip) passed++;
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') failed++;
});
stream.compose(spec).pipe(process.stdout);
stream.on('end', async () => {
  const left = await leftProcesses(shared);
  if (left.length > 0) {
    failed++;
    console.log(`✖ squibs of the tests left processes behind:\n${left.join('\n')}`);
  }
  rmSync(shared, { recursive: true, force: true });
  process.on('exit', () => console.log(`${passed} passed, ${failed} failed`));
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
});

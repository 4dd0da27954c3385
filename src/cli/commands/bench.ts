import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SquibError } from '../../errors/squib-error.ts';
import { command } from '../command.ts';

export const bench = command({
  summary: 'measure squib on this machine against the bare parts',
  synopsis: ['bench [--quick] [--only NAME] [--json FILE]'],
  description: `Measures how long squib takes and how much memory it needs, each as a ratio to what the bare parts (QEMU, the image builder)
take in the same run, and prints a table. It starts a squib of its own; yours is left alone. Needs root, a finished 'squib
setup', and a machine that does nothing else.`,
  options: {
    quick: { type: 'boolean', help: 'fewer rounds' },
    only: {
      type: 'string',
      value: 'NAME',
      complete: ['run', 'suspend', 'endpoint', 'api', 'density', 'build', 'network'],
      help: 'run, suspend, endpoint, api, density, build or network',
    },
    json: { type: 'string', value: 'FILE', complete: 'file', help: 'write the results there too' },
  },
  examples: ['sudo squib bench --quick', 'sudo squib bench --only run --json run.json'],
  async run({ values }) {
    const main = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));
    if (!existsSync(main)) {
      throw new SquibError('This installation has no benchmarks.', 'They come with the sources of squib.');
    }
    const { quick, only, json } = values;
    const args = [
      ...(quick ? ['--quick'] : []),
      ...(only === undefined ? [] : ['--only', only]),
      ...(json === undefined ? [] : ['--json', json]),
    ];
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    process.exitCode = code ?? 1;
  },
});

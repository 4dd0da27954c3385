import { parseArgs } from 'node:util';
import { readConfig } from '../../config/config.ts';
import { startDaemon } from '../../daemon/start.ts';
import type { Command } from '../command.ts';

export const up: Command = {
  summary: 'start squib in the foreground',
  usage: `squib up [--config FILE]

Starts the API and the endpoints of all MicroVMs. Log lines go to standard error as JSON. Ctrl-C or SIGTERM stops the
daemon; MicroVMs keep running and are adopted at the next start. Needs root and a finished 'squib setup'.`,
  async run(args) {
    const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
    const daemon = await startDaemon(readConfig(values.config), (line) => process.stderr.write(`${line}\n`));
    console.log(
      `squib is up: API ${daemon.apiUrl}, endpoints on port ${daemon.endpointPort}, ${daemon.engine}`,
    );
    console.log(`Point AWS clients at it:  eval "$(squib env)"`);
    const stop = (signal: NodeJS.Signals) => {
      process.off(signal, stop);
      daemon.stop().then(() => process.exit(0));
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  },
};

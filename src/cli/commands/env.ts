import { parseArgs } from 'node:util';
import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { clientEnvironment } from '../../daemon/client-environment.ts';
import type { Command } from '../command.ts';

export const env: Command = {
  summary: 'print the exports that point AWS clients at squib',
  usage: `eval "$(squib env [--config FILE])"

Sets AWS_ENDPOINT_URL, region, credentials, and the variables by which Node.js, Python and curl trust squib's local
certificate authority. Needs root, because it prints the secret key.`,
  async run(args) {
    const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
    const config = readConfig(values.config);
    for (const [name, value] of Object.entries(clientEnvironment(config, dataLayout(config.dataDir)))) {
      console.log(`export ${name}='${value}'`);
    }
  },
};

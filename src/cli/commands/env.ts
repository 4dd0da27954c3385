import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { clientEnvironment } from '../../daemon/client-environment.ts';
import { command } from '../command.ts';
import { printJson } from '../print.ts';

export const env = command({
  summary: 'print the exports that point AWS clients at squib',
  synopsis: ['env [--json] [--config FILE]'],
  description: `Sets AWS_ENDPOINT_URL, region, credentials, and the variables by which Node.js, Python and curl trust squib's local
certificate authority. Works in bash, zsh and fish. Needs root, because it prints the secret key of the account's root;
'squib credentials' makes keys that may do less.`,
  options: {
    json: { type: 'boolean', help: 'print JSON' },
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  examples: ['eval "$(sudo squib env)"'],
  async run({ values }) {
    const config = readConfig(values.config);
    const variables = clientEnvironment(config, dataLayout(config.dataDir));
    if (values.json) return printJson(variables);
    for (const [name, value] of Object.entries(variables)) console.log(`export ${name}='${value}'`);
  },
});

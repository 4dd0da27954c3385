import { findConnection } from '../api/connection.ts';
import { findMicrovmId } from '../api/lookup.ts';
import { command, connectionOptions } from '../command.ts';
import { runCommand } from '../exec/run-command.ts';
import { UsageError } from '../usage-error.ts';

/** bash where there is one. */
const anyShell = 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi';

export const shell = command({
  summary: 'open a shell in a MicroVM',
  synopsis: ['shell ID [--user USER[:GROUP]]'],
  description: `Opens bash, or sh where there is none, as root in the MicroVM's container, on this terminal; a script on standard input is run instead. It goes through the API, like
'squib exec -it', and so needs no SHELL_INGRESS connector. 'exit' or Ctrl-D ends it.`,
  options: {
    user: { type: 'string', short: 'u', value: 'USER[:GROUP]', help: 'another user than root' },
    ...connectionOptions,
  },
  complete: ['microvm'],
  examples: ['squib shell 0a1b2c3d', 'squib shell 0a1b2c3d < set-up.sh'],
  async run({ values, positionals }) {
    const [text, ...rest] = positionals;
    if (text === undefined) throw new UsageError('ID is missing.');
    if (rest.length > 0) throw new UsageError(`'${rest[0]}' is not understood; 'squib exec' runs a command.`);
    const connection = findConnection(values);
    await runCommand(connection, await findMicrovmId(connection, text), {
      order: { command: ['sh', '-c', anyShell], user: values.user ?? '0' },
      // What is piped in is a script.
      terminal: process.stdin.isTTY,
      input: true,
    });
  },
});

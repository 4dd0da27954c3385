import { findConnection } from '../api/connection.ts';
import { findMicrovmId } from '../api/lookup.ts';
import { command, connectionOptions } from '../command.ts';
import { runCommand } from '../exec/run-command.ts';
import { variables } from '../exec/variables.ts';
import { UsageError } from '../usage-error.ts';

export const exec = command({
  summary: 'run a command in a MicroVM',
  synopsis: ['exec [OPTIONS] ID COMMAND [ARGUMENT…]'],
  description: `Runs COMMAND in the MicroVM's container, with the container's user, folder and variables unless told otherwise. Standard input,
output and errors are the command's; signals reach it. A suspended MicroVM wakes up if its idle policy says so, and stays
awake as long as the command runs. The command is killed when the connection is lost.

Ends with the exit code of the command (128 + signal when one killed it; 126 and 127 when it cannot be run or is not
there), or with 125 when squib could not run it.`,
  options: {
    interactive: { type: 'boolean', short: 'i', help: 'send standard input to the command' },
    tty: { type: 'boolean', short: 't', help: 'run it on a terminal' },
    env: { type: 'string', short: 'e', multiple: true, value: 'NAME=VALUE', help: 'set a variable' },
    workdir: { type: 'string', short: 'w', value: 'PATH', help: 'folder to run it in' },
    user: { type: 'string', short: 'u', value: 'USER[:GROUP]', help: 'run it as that user: name or number' },
    ...connectionOptions,
  },
  complete: ['microvm'],
  passThrough: 1,
  examples: [
    'squib exec 0a1b2c3d ls -l /app',
    'squib exec -it 0a1b2c3d python3',
    'squib exec -e MODE=debug -u root 0a1b2c3d env',
    'tar c src | squib exec -i 0a1b2c3d tar x -C /app',
  ],
  async run({ values, positionals }) {
    const [text, ...order] = positionals;
    if (text === undefined) throw new UsageError('ID is missing.');
    if (order.length === 0) throw new UsageError('COMMAND is missing.');
    const { env, workdir, user, tty = false, interactive = false } = values;
    if (tty && interactive && !process.stdin.isTTY) {
      throw new UsageError('Standard input is no terminal; leave --tty out.');
    }
    const connection = findConnection(values);
    await runCommand(connection, await findMicrovmId(connection, text), {
      order: { command: order, environment: variables(env), workingDirectory: workdir, user },
      terminal: tty,
      input: interactive,
    });
  },
});

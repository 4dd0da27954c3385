import { callLambda } from './api/aws.ts';
import { findConnection } from './api/connection.ts';
import { findMicrovmId } from './api/lookup.ts';
import { type Command, command, connectionOptions } from './command.ts';
import { Progress } from './progress.ts';
import { UsageError } from './usage-error.ts';
import { waitForState } from './wait.ts';

interface Change {
  name: string;
  summary: string;
  description: string;
  operation: 'SuspendMicrovm' | 'ResumeMicrovm' | 'TerminateMicrovm';
  wanted: 'RUNNING' | 'SUSPENDED' | 'TERMINATED';
}

/** A command that asks MicroVMs to change their state and waits until they have. */
export function stateCommand({ name, summary, description, operation, wanted }: Change): Command {
  return command({
    summary,
    synopsis: [`${name} ID… [--no-wait]`],
    description,
    options: {
      'no-wait': { type: 'boolean', help: 'return when squib has taken the request' },
      ...connectionOptions,
    },
    complete: ['microvm'],
    examples: [`squib ${name} 0a1b2c3d`, `squib ${name} $(squib ps --quiet --image hello)`],
    async run({ values, positionals }) {
      if (positionals.length === 0) throw new UsageError('ID is missing.');
      const connection = findConnection(values);
      const ids: string[] = [];
      for (const text of positionals) ids.push(await findMicrovmId(connection, text));
      for (const microvmIdentifier of ids) await callLambda(connection, operation, { microvmIdentifier });
      for (const id of ids) {
        if (!values['no-wait']) await waitForState(connection, id, wanted, new Progress(process.stderr));
        console.log(id);
      }
    },
  });
}

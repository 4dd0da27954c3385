import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import { findMicrovmId } from '../api/lookup.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { printJson, printTable } from '../print.ts';
import { UsageError } from '../usage-error.ts';

export const fork = command({
  summary: 'run copies of a running MicroVM from where it is now',
  synopsis: ['fork ID [--count NUMBER] [--payload TEXT] [--json]'],
  description: `The MicroVM stands still for a moment (below 100 ms unless it has changed very much memory or disk) and goes on. Each
copy has its memory, processes and files, but an id, an endpoint and randomness of its own; its /run hook is called
with its id and the payload, where the image has that hook. Connections to the outside are closed in the copies.`,
  options: {
    count: { type: 'string', short: 'n', value: 'NUMBER', help: 'so many copies (1)' },
    payload: { type: 'string', value: 'TEXT', help: 'for the /run hook of each' },
    ...jsonOption,
    ...connectionOptions,
  },
  complete: ['microvm'],
  examples: ['squib fork 0a1b2c3d --count 5'],
  async run({ values, positionals }) {
    const text = argument(positionals, 'ID');
    const count = Number(values.count ?? 1);
    if (!Number.isInteger(count) || count < 1) throw new UsageError('--count takes a number from 1.');
    const { payload } = values;
    const connection = findConnection(values);
    const { items } = await callSquib(connection, 'ForkMicrovm', {
      ...{ microvmIdentifier: await findMicrovmId(connection, text), count },
      ...(payload !== undefined && { runHookPayload: payload }),
    });
    if (values.json) return printJson(items);
    const rows = items.map(({ microvmId, state, endpoint }) => [microvmId, state, `https://${endpoint}`]);
    printTable(['ID', 'STATE', 'ENDPOINT'], rows, 'No copy was made.');
  },
});

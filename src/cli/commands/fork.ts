import { parseArgs } from 'node:util';
import { SquibError } from '../../errors/squib-error.ts';
import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';
import { table } from '../table.ts';

const options = {
  config: { type: 'string' },
  count: { type: 'string', default: '1' },
  payload: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const remedy = "'squib help fork' shows how it is used.";

export const fork: Command = {
  summary: 'run copies of a running MicroVM from where it is now',
  usage: `squib fork ID [--count NUMBER] [--payload TEXT] [--json]

The MicroVM stands still for a moment (below 100 ms unless it has changed very much memory or disk) and goes on. Each
copy has its memory, processes and files, but an id, an endpoint and randomness of its own; its /run hook is called
with its id and the payload, where the image has that hook. Connections to the outside are closed in the copies.

Example:
  squib fork microvm-0a1b2c3d-0000-4000-8000-000000000001 --count 5`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [microvmIdentifier, ...rest] = positionals;
    if (microvmIdentifier === undefined) throw new SquibError('ID is missing.', remedy);
    if (rest.length > 0) throw new SquibError(`'${rest[0]}' is not understood.`, remedy);
    const count = Number(values.count);
    if (!Number.isInteger(count) || count < 1) throw new SquibError('--count takes a number from 1.', remedy);
    const { payload } = values;
    const { items } = await callSquib(findConnection(values.config), 'ForkMicrovm', {
      ...{ microvmIdentifier, count },
      ...(payload !== undefined && { runHookPayload: payload }),
    });
    if (values.json) return console.log(JSON.stringify(items, undefined, 2));
    const rows = items.map(({ microvmId, state, endpoint }) => [microvmId, state, endpoint]);
    console.log(table(['ID', 'STATE', 'ENDPOINT'], rows));
  },
};

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new SquibError((error as Error).message, remedy, { cause: error });
  }
}

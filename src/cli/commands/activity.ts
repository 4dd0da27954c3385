import { parseArgs } from 'node:util';
import { SquibError } from '../../errors/squib-error.ts';
import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';

const options = {
  config: { type: 'string' },
  cpu: { type: 'string' },
  egress: { type: 'string' },
  remove: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const remedy = "'squib help activity' shows how it is used.";

export const activity: Command = {
  summary: 'let processor time or network traffic count as activity for the idle policy',
  usage: `squib activity ID-OR-IMAGE-ARN [--cpu PERCENT] [--egress BYTES-PER-SECOND] [--remove] [--json]

Without options: which activity policy holds for a MicroVM or for the MicroVMs of an image. With --cpu or --egress: from
now on so much processor time (percent of one processor) or traffic through the network card, or more, averaged over ten
seconds, keeps it from being idle; what is not given does not count. --remove: the policy of its image, or that of the
configuration, holds again.

Example:
  squib activity microvm-0a1b2c3d-0000-4000-8000-000000000001 --cpu 5`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [resourceIdentifier, ...rest] = positionals;
    if (resourceIdentifier === undefined) throw new SquibError('ID or ARN is missing.', remedy);
    if (rest.length > 0) throw new SquibError(`'${rest[0]}' is not understood.`, remedy);
    const connection = findConnection(values.config);
    const changes = values.cpu !== undefined || values.egress !== undefined;
    if (values.remove && changes) throw new SquibError('--remove goes without --cpu and --egress.', remedy);
    if (values.remove) await callSquib(connection, 'DeleteActivityPolicy', { resourceIdentifier });
    const policy = changes
      ? await callSquib(connection, 'PutActivityPolicy', {
          resourceIdentifier,
          cpuPercent: number('--cpu', values.cpu),
          egressBytesPerSecond: number('--egress', values.egress),
        })
      : await callSquib(connection, 'GetActivityPolicy', { resourceIdentifier });
    if (values.json) return console.log(JSON.stringify(policy, undefined, 2));
    const counts = [
      'bytes through the endpoint',
      ...(policy.cpuPercent > 0 ? [`${policy.cpuPercent} % of a processor or more`] : []),
      ...(policy.egressBytesPerSecond > 0
        ? [`${policy.egressBytesPerSecond} bytes/s or more through the network card`]
        : []),
    ];
    console.log(`Activity is: ${counts.join('; ')}. (Policy of the ${owners[policy.source]}.)`);
  },
};

const owners = { MICROVM: 'MicroVM', IMAGE: 'image', CONFIGURATION: 'configuration' };

function number(option: string, text = '0'): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new SquibError(`${option} takes a whole number from 0.`, remedy);
  return value;
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new SquibError((error as Error).message, remedy, { cause: error });
  }
}

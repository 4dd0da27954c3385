import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import { findResource } from '../api/lookup.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { printJson } from '../print.ts';
import { UsageError } from '../usage-error.ts';

export const activity = command({
  summary: 'let processor time or network traffic count as activity for the idle policy',
  synopsis: ['activity ID|IMAGE [--cpu PERCENT] [--egress BYTES] [--remove] [--json]'],
  description: `Without options: which activity policy holds for a MicroVM or for the MicroVMs of an image. With --cpu or --egress: from
now on so much processor time (percent of one processor) or traffic through the network card (bytes per second), or more,
averaged over ten seconds, keeps it from being idle; what is not given does not count. --remove: the policy of its image, or
that of the configuration, holds again.`,
  options: {
    cpu: { type: 'string', value: 'PERCENT', help: 'so much of one processor counts' },
    egress: {
      type: 'string',
      value: 'BYTES',
      help: 'so many bytes per second through the network card count',
    },
    remove: { type: 'boolean', help: 'have no policy of its own any more' },
    ...jsonOption,
    ...connectionOptions,
  },
  complete: ['microvm'],
  examples: ['squib activity 0a1b2c3d --cpu 5', 'squib activity hello --egress 10000'],
  async run({ values, positionals }) {
    const text = argument(positionals, 'ID or IMAGE');
    const changes = values.cpu !== undefined || values.egress !== undefined;
    if (values.remove && changes) throw new UsageError('--remove goes without --cpu and --egress.');
    const numbers = changes && {
      cpuPercent: number('--cpu', values.cpu),
      egressBytesPerSecond: number('--egress', values.egress),
    };
    const connection = findConnection(values);
    const resourceIdentifier = await findResource(connection, text);
    if (values.remove) await callSquib(connection, 'DeleteActivityPolicy', { resourceIdentifier });
    const policy = numbers
      ? await callSquib(connection, 'PutActivityPolicy', { resourceIdentifier, ...numbers })
      : await callSquib(connection, 'GetActivityPolicy', { resourceIdentifier });
    if (values.json) return printJson(policy);
    const counts = [
      'bytes through the endpoint',
      ...(policy.cpuPercent > 0 ? [`${policy.cpuPercent} % of a processor or more`] : []),
      ...(policy.egressBytesPerSecond > 0
        ? [`${policy.egressBytesPerSecond} bytes/s or more through the network card`]
        : []),
    ];
    console.log(`Activity is: ${counts.join('; ')}. (Policy of the ${owners[policy.source]}.)`);
  },
});

const owners = { MICROVM: 'MicroVM', IMAGE: 'image', CONFIGURATION: 'configuration' };

function number(option: string, text = '0'): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) {
    throw new UsageError(`${option} takes a whole number from 0.`);
  }
  return value;
}

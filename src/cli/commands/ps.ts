import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import { listMicrovms } from '../api/lists.ts';
import { findImage, imageName, shortId } from '../api/lookup.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { printJson, printTable } from '../print.ts';
import { ago, size } from '../time.ts';

export const ps = command({
  summary: 'list MicroVMs',
  synopsis: ['ps [--all] [--image IMAGE] [--usage] [--quiet | --json]'],
  description: `Lists the MicroVMs that have not ended, newest first. ID is the beginning of the id; every command takes it, and any other
beginning that only one MicroVM has.`,
  options: {
    all: { type: 'boolean', short: 'a', help: 'also those that have ended' },
    image: {
      type: 'string',
      value: 'IMAGE',
      complete: 'image',
      help: 'only those of this image, by name or ARN',
    },
    usage: { type: 'boolean', short: 'u', help: 'also processor time, memory and disk that each uses' },
    quiet: { type: 'boolean', short: 'q', help: 'print whole ids only, one a line' },
    ...jsonOption,
    ...connectionOptions,
  },
  examples: ['squib ps', 'squib ps --all --image hello', 'squib rm $(squib ps --quiet)'],
  async run({ values }) {
    const connection = findConnection(values);
    const image = values.image === undefined ? undefined : await findImage(connection, values.image);
    const { imageArn, imageVersion } = image ?? {};
    const listed = await listMicrovms(connection, {
      ...(imageArn && { imageIdentifier: imageArn }),
      ...(imageVersion && { imageVersion }),
    });
    const items = listed.filter(({ state }) => values.all || state !== 'TERMINATED');
    if (values.json) return printJson(items);
    if (values.quiet) {
      for (const { microvmId } of items) console.log(microvmId);
      return;
    }
    const used = values.usage ? (await callSquib(connection, 'ListMicrovmUsage', {})).items : [];
    const rows = items.map(({ microvmId, state, imageArn: arn, imageVersion: version, startedAt }) => {
      const usage = used.find((each) => each.microvmId === microvmId);
      return [
        ...[shortId(microvmId), imageName(arn), version, state, ago(startedAt)],
        ...(values.usage ? usageCells(usage) : []),
      ];
    });
    const headings = ['ID', 'IMAGE', 'VERSION', 'STATE', 'STARTED'];
    const more = values.usage ? ['CPU', 'OWN MEMORY', 'DISK'] : [];
    printTable([...headings, ...more], rows, "There are no MicroVMs. Run one: 'squib run IMAGE'.");
  },
});

function usageCells(
  usage: { cpuSeconds: number; ownBytes: number; diskBytes: number } | undefined,
): string[] {
  if (usage === undefined) return ['', '', ''];
  return [`${usage.cpuSeconds.toFixed(1)} s`, size(usage.ownBytes), size(usage.diskBytes)];
}

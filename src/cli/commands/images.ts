import type { MicrovmImageVersionSummary } from '../../aws/models/lambda-microvms.ts';
import { callLambda } from '../api/aws.ts';
import type { Wire } from '../api/call.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { listAll, listImages } from '../api/lists.ts';
import { findImage } from '../api/lookup.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { printJson, printTable } from '../print.ts';
import { ago } from '../time.ts';
import { UsageError } from '../usage-error.ts';

export const images = command({
  summary: 'list images, or the versions of one, and remove them',
  synopsis: ['images [--json]', 'images IMAGE [--json]', 'images rm IMAGE[:VERSION]…'],
  description: `Lists all images, or the versions of IMAGE, newest first. IMAGE is a name or an ARN. 'rm' removes a version, or an image with
all its versions; MicroVMs that still run from it keep it from being removed.`,
  options: { ...jsonOption, ...connectionOptions },
  complete: ['image'],
  examples: ['squib images', 'squib images hello', 'squib images rm hello:1.0'],
  async run({ values, positionals }) {
    const connection = findConnection(values);
    const [first, ...rest] = positionals;
    if (first === 'rm') return remove(connection, rest);
    if (rest.length > 0) throw new UsageError(`'${rest[0]}' is not understood.`);
    if (first !== undefined) return versions(connection, first, values.json);
    const items = await listImages(connection);
    if (values.json) return printJson(items);
    const rows = items.map((image) => [
      ...[
        image.name,
        image.state,
        image.latestActiveImageVersion ?? '-',
        image.latestFailedImageVersion ?? '-',
      ],
      ago(image.createdAt),
    ]);
    const empty = "There are no images. Make one of a folder with a Dockerfile: 'squib deploy FOLDER'.";
    printTable(['NAME', 'STATE', 'ACTIVE', 'FAILED', 'CREATED'], rows, empty);
  },
});

async function versions(connection: Connection, text: string, json: boolean | undefined): Promise<void> {
  const { imageArn } = await findImage(connection, text);
  const items = await listAll<Wire<MicrovmImageVersionSummary>>(connection, 'ListMicrovmImageVersions', {
    imageIdentifier: imageArn,
  });
  if (json) return printJson(items);
  const rows = items.map((version) => [
    ...[version.imageVersion, version.state, version.status],
    `${version.resources?.[0]?.minimumMemoryInMiB ?? ''} MiB`,
    ...[ago(version.createdAt), version.stateReason ?? ''],
  ]);
  printTable(['VERSION', 'STATE', 'STATUS', 'MEMORY', 'CREATED', 'REASON'], rows, 'It has no versions.');
}

async function remove(connection: Connection, texts: readonly string[]): Promise<void> {
  if (texts.length === 0) throw new UsageError('IMAGE is missing.');
  for (const text of texts) {
    const { imageArn, name, imageVersion } = await findImage(connection, text);
    const operation = imageVersion === undefined ? 'DeleteMicrovmImage' : 'DeleteMicrovmImageVersion';
    await callLambda(connection, operation, {
      imageIdentifier: imageArn,
      ...(imageVersion !== undefined && { imageVersion }),
    });
    console.log(
      imageVersion === undefined ? `${name} is being removed.` : `${name} ${imageVersion} is being removed.`,
    );
  }
}

import type {
  GetMicrovmImageBuildOutput,
  MicrovmImageBuildSummary,
  MicrovmImageVersionSummary,
} from '../../aws/models/lambda-microvms.ts';
import { callLambda } from '../api/aws.ts';
import type { Wire } from '../api/call.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { listAll, listImages } from '../api/lists.ts';
import { findImage, imageName } from '../api/lookup.ts';
import { optionalArgument } from '../argument.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { printJson, printTable } from '../print.ts';
import { ago, size, toEpoch } from '../time.ts';

type Build = Wire<GetMicrovmImageBuildOutput>;

export const builds = command({
  summary: 'list builds of image versions, with the reasons of those that failed',
  synopsis: ['builds [IMAGE[:VERSION]] [--json]'],
  description: `Lists the builds of all images, of one, or of one version, newest first. 'squib logs IMAGE' shows what a build printed.`,
  options: { ...jsonOption, ...connectionOptions },
  complete: ['image'],
  examples: ['squib builds', 'squib builds hello', 'squib builds hello:2.0'],
  async run({ values, positionals }) {
    const connection = findConnection(values);
    const text = optionalArgument(positionals);
    const wanted = text === undefined ? await listImages(connection) : [await findImage(connection, text)];
    const items: Build[] = [];
    for (const image of wanted) {
      const version = 'imageVersion' in image ? image.imageVersion : undefined;
      items.push(...(await buildsOf(connection, image.imageArn, version)));
    }
    items.sort((a, b) => toEpoch(b.createdAt) - toEpoch(a.createdAt));
    if (values.json) return printJson(items);
    const rows = items.map((build) => [
      ...[imageName(build.imageArn), build.imageVersion, build.buildId.slice(0, 8), build.buildState],
      ...[snapshotSize(build), ago(build.createdAt), build.stateReason ?? ''],
    ]);
    const headings = ['IMAGE', 'VERSION', 'BUILD', 'STATE', 'SIZE', 'CREATED', 'REASON'];
    printTable(headings, rows, 'There are no builds.');
  },
});

async function buildsOf(
  connection: Connection,
  imageIdentifier: string,
  wanted: string | undefined,
): Promise<Build[]> {
  const versions =
    wanted === undefined
      ? await listAll<Wire<MicrovmImageVersionSummary>>(connection, 'ListMicrovmImageVersions', {
          imageIdentifier,
        })
      : [{ imageVersion: wanted }];
  const found: Build[] = [];
  for (const { imageVersion } of versions) {
    const summaries = await listAll<Wire<MicrovmImageBuildSummary>>(connection, 'ListMicrovmImageBuilds', {
      ...{ imageIdentifier, imageVersion },
    });
    for (const { buildId } of summaries) {
      const input = { imageIdentifier, imageVersion, buildId };
      found.push(await callLambda<Build>(connection, 'GetMicrovmImageBuild', input));
    }
  }
  return found;
}

function snapshotSize({ snapshotBuild }: Build): string {
  const { memorySnapshotSizeInBytes: memory, diskSnapshotSizeInBytes: disk } = snapshotBuild ?? {};
  return memory == null ? '' : size(memory + (disk ?? 0));
}

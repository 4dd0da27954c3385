import { SquibError } from '../../errors/squib-error.ts';
import { callLogs, Refused } from '../api/aws.ts';
import type { Connection } from '../api/connection.ts';
import { findImage, findMicrovmId, imageName } from '../api/lookup.ts';
import { getMicrovm } from '../wait.ts';

/** One log stream. */
export interface LogPlace {
  logGroupName: string;
  logStreamName: string;
}

type Find = () => Promise<LogPlace | undefined>;

const defaultGroup = (name: string) => `/aws/lambda-microvms/${name}`;

/**
 * Where the lines of a MicroVM, or of an image's build, are. Before the first line there is no such place.
 * @throws SquibError when there is neither such a MicroVM nor such an image
 */
export async function findLog(connection: Connection, text: string): Promise<Find> {
  const image = await findImage(connection, text).catch((error) => {
    if (!(error instanceof SquibError) || error instanceof Refused) throw error;
    return undefined;
  });
  if (image) {
    const mark = `[${image.imageVersion ?? ''}`;
    const ofBuild = (name: string) => name.includes(']build-') && name.includes(mark);
    return () => newest(connection, [defaultGroup(image.name)], ofBuild);
  }
  const id = await findMicrovmId(connection, text);
  const { imageArn } = await getMicrovm(connection, id);
  const ofMicrovm = (name: string) => name.endsWith(id);
  return async () => {
    const usual = await newest(connection, [defaultGroup(imageName(imageArn))], ofMicrovm);
    // A run may have named another group.
    return usual ?? newest(connection, await groups(connection), ofMicrovm);
  };
}

async function newest(
  connection: Connection,
  names: readonly string[],
  wanted: (stream: string) => boolean,
): Promise<LogPlace | undefined> {
  for (const logGroupName of names) {
    const streams = await callLogs<{ logStreams: { logStreamName: string }[] }>(
      connection,
      'DescribeLogStreams',
      {
        ...{ logGroupName, orderBy: 'LastEventTime', descending: true },
      },
    ).catch((error) => {
      if (error instanceof Refused && error.code === 'ResourceNotFoundException') return { logStreams: [] };
      throw error;
    });
    const found = streams.logStreams.find(({ logStreamName }) => wanted(logStreamName));
    if (found) return { logGroupName, logStreamName: found.logStreamName };
  }
  return undefined;
}

async function groups(connection: Connection): Promise<string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await callLogs<{ logGroups: { logGroupName: string }[]; nextToken?: string }>(
      connection,
      'DescribeLogGroups',
      nextToken === undefined ? {} : { nextToken },
    );
    names.push(...page.logGroups.map(({ logGroupName }) => logGroupName));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return names;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { GetMicrovmImageOutput } from '../../aws/models/lambda-microvms.ts';
import { callLambda, callLogs, Refused } from '../api/aws.ts';
import type { Wire } from '../api/call.ts';
import type { Connection } from '../api/connection.ts';

const pollMs = 400;

interface Followed {
  imageArn: string;
  /** `n.0` */
  version: string;
  logGroup: string;
  /** Takes each line of the build log. */
  onLine(line: string): void;
  /** Called at every look, for a sign of life. */
  onTick(state: string): void;
}

/** Shows the log of a version's build until the build has ended; resolves with the image's state then. */
export async function followBuild(connection: Connection, followed: Followed): Promise<string> {
  const { imageArn, version, logGroup, onLine, onTick } = followed;
  const positions = new Map<string, string>();
  for (;;) {
    const image = await callLambda<Wire<GetMicrovmImageOutput>>(connection, 'GetMicrovmImage', {
      imageIdentifier: imageArn,
    });
    await showNewLines(connection, logGroup, `[${version}]`, positions, onLine);
    if (image.state !== 'CREATING' && image.state !== 'UPDATING') return image.state;
    onTick(image.state);
    await sleep(pollMs);
  }
}

async function showNewLines(
  connection: Connection,
  logGroupName: string,
  mark: string,
  positions: Map<string, string>,
  onLine: (line: string) => void,
): Promise<void> {
  try {
    const { logStreams } = await callLogs<{ logStreams: { logStreamName: string }[] }>(
      connection,
      'DescribeLogStreams',
      { logGroupName, orderBy: 'LastEventTime', descending: true },
    );
    for (const { logStreamName } of logStreams.filter((stream) => stream.logStreamName.includes(mark))) {
      const nextToken = positions.get(logStreamName);
      const page = await callLogs<{ events: { message: string }[]; nextForwardToken: string }>(
        connection,
        'GetLogEvents',
        { ...{ logGroupName, logStreamName, startFromHead: true }, ...(nextToken && { nextToken }) },
      );
      for (const { message } of page.events) onLine(message);
      positions.set(logStreamName, page.nextForwardToken);
    }
  } catch (error) {
    // Before its first line a build has no log; with a caller who may not read logs there is none to show.
    if (!(error instanceof Refused)) throw error;
  }
}

import { request } from './call.ts';

export interface LogEvent {
  /** Epoch milliseconds. */
  timestamp: number;
  message: string;
}

export interface LogStream {
  logStreamName: string;
  creationTime: number;
  lastEventTimestamp?: number;
}

/** Calls an action of CloudWatch Logs. @throws ApiError */
async function logs<Answer>(action: string, input: object, signal?: AbortSignal): Promise<Answer> {
  const response = await request({
    ...{ service: 'logs', method: 'POST', path: '/', body: JSON.stringify(input) },
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${action}` },
    ...(signal && { signal }),
  });
  return (await response.json()) as Answer;
}

export const logGroupOf = (imageName: string): string => `/aws/lambda-microvms/${imageName}`;

/** Streams of a group, newest first; none where the group is not there (yet). @throws ApiError */
export async function logStreams(logGroupName: string, signal?: AbortSignal): Promise<LogStream[]> {
  const all: LogStream[] = [];
  let nextToken: string | undefined;
  do {
    const page = await logs<{ logStreams: LogStream[]; nextToken?: string }>(
      'DescribeLogStreams',
      { logGroupName, nextToken },
      signal,
    ).catch((error: { code?: string }): { logStreams: LogStream[]; nextToken?: string } => {
      if (error.code === 'ResourceNotFoundException') return { logStreams: [] };
      throw error;
    });
    all.push(...page.logStreams);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return all.sort((a, b) => b.creationTime - a.creationTime);
}

export interface LogPage {
  events: LogEvent[];
  nextForwardToken: string;
}

/** What comes after `token`; without one the last events there are. @throws ApiError */
export function readLog(
  logGroupName: string,
  logStreamName: string,
  token: string | undefined,
  signal?: AbortSignal,
): Promise<LogPage> {
  return logs<LogPage>(
    'GetLogEvents',
    { logGroupName, logStreamName, nextToken: token, limit: 5000 },
    signal,
  );
}

import { callLogs } from '../api/aws.ts';
import type { Connection } from '../api/connection.ts';
import type { LogPlace } from './find-log.ts';

export interface LogEvent {
  /** Epoch milliseconds. */
  timestamp: number;
  message: string;
}

interface Page {
  events: LogEvent[];
  nextForwardToken: string;
  nextBackwardToken: string;
}

const get = (connection: Connection, place: LogPlace, more: Record<string, unknown>) =>
  callLogs<Page>(connection, 'GetLogEvents', { ...place, ...more });

/** The last lines, or all since a moment (epoch milliseconds), oldest first; `next` continues behind them. */
export async function lastEvents(
  connection: Connection,
  place: LogPlace,
  { wanted, since }: { wanted: number; since: number | undefined },
): Promise<{ events: LogEvent[]; next: string }> {
  const newest = await get(connection, place, {
    startFromHead: false,
    ...(since === undefined ? { limit: Math.max(1, Math.min(wanted, 10_000)) } : { startTime: since }),
  });
  const pages = [newest];
  const count = () => pages.reduce((sum, { events }) => sum + events.length, 0);
  while (since !== undefined || count() < wanted) {
    const before = pages[0]!;
    const page = await get(connection, place, {
      nextToken: before.nextBackwardToken,
      ...(since !== undefined && { startTime: since }),
    });
    if (page.events.length === 0) break;
    pages.unshift(page);
  }
  const events = pages.flatMap((page) => page.events);
  const shown = since !== undefined ? events : events.slice(Math.max(0, events.length - wanted));
  return { events: shown, next: newest.nextForwardToken };
}

/** What was written since; `next` continues behind it. */
export async function newEvents(
  connection: Connection,
  place: LogPlace,
  nextToken: string,
): Promise<{ events: LogEvent[]; next: string }> {
  const { events, nextForwardToken } = await get(connection, place, { nextToken });
  return { events, next: nextForwardToken };
}

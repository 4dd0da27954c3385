import type { LogStore, LogStreamInfo, PlacedEvent } from '../../store/log-store.ts';
import type { AnyHandler } from '../handlers.ts';
import type { JsonService } from '../json-service.ts';
import { filterPattern } from './filter-pattern/filter-pattern.ts';
import { startLiveTail } from './live-tail.ts';
import { parseToken, readEvents } from './log-events.ts';
import { invalidParameter, noSuchGroup } from './logs-errors.ts';
import { Members } from './members.ts';
import { logWriting } from './writing.ts';

const maxEvents = 10_000;
const maxListed = 50;

/** A page of a list; the token is the name of the last item. */
function page<T extends { name: string }>(all: T[], members: Members): { items: T[]; nextToken?: string } {
  const after = members.string('nextToken');
  const limit = members.limit('limit', maxListed);
  // An item that is gone by now leaves its place among the names.
  const at = all.findIndex(({ name }) => name === after);
  const left =
    after === undefined ? all : at < 0 ? all.filter(({ name }) => name > after) : all.slice(at + 1);
  const items = left.slice(0, limit);
  const last = items.at(-1);
  return { items, ...(left.length > limit && last && { nextToken: last.name }) };
}

const outputEvent = ({ timestamp, message }: PlacedEvent) => ({
  timestamp,
  message,
  ingestionTime: timestamp,
});

/**
 * CloudWatch Logs as far as the AWS CLI's `aws logs`, SDKs and templates need it.
 * @param closed ends the streams of live tails
 */
export function logsService(store: LogStore, closed: AbortSignal): JsonService {
  const StartLiveTail: AnyHandler = async (input, caller) => ({
    stream: startLiveTail(store, input, caller, closed),
  });
  return {
    signingName: 'logs',
    actions: { ...logsActions(store), ...logWriting(store), StartLiveTail },
    streaming: new Set(['StartLiveTail']),
    toError: () => undefined,
  };
}

/** Reading. */
function logsActions(store: LogStore): Record<string, AnyHandler> {
  const streamsOf = async (group: string): Promise<LogStreamInfo[]> => {
    const streams = await store.streams(group);
    if (!streams) throw noSuchGroup();
    return streams;
  };
  const groupArn = (name: string, caller: { region: string; accountId: string }) =>
    `arn:aws:logs:${caller.region}:${caller.accountId}:log-group:${name}`;

  return {
    async DescribeLogGroups(input, caller) {
      const members = new Members(input);
      const prefix = members.string('logGroupNamePrefix') ?? '';
      const pattern = members.string('logGroupNamePattern') ?? '';
      const groups = (await store.groups()).filter(
        ({ name }) => name.startsWith(prefix) && name.includes(pattern),
      );
      const { items, nextToken } = page(groups, members);
      return {
        logGroups: items.map(({ name, createdAt, retentionInDays }) => ({
          logGroupName: name,
          creationTime: createdAt,
          retentionInDays,
          arn: `${groupArn(name, caller)}:*`,
          logGroupArn: groupArn(name, caller),
          logGroupClass: 'STANDARD',
          metricFilterCount: 0,
          storedBytes: 0,
        })),
        nextToken,
      };
    },

    async DescribeLogStreams(input, caller) {
      const members = new Members(input);
      const group = members.logGroup();
      const prefix = members.string('logStreamNamePrefix') ?? '';
      let streams = (await streamsOf(group)).filter(({ name }) => name.startsWith(prefix));
      if (members.string('orderBy') === 'LastEventTime') {
        streams = streams.sort((a, b) => a.lastEventAt - b.lastEventAt);
      }
      if (members.boolean('descending')) streams.reverse();
      const { items, nextToken } = page(streams, members);
      return {
        logStreams: items.map(({ name, createdAt, lastEventAt }) => ({
          logStreamName: name,
          creationTime: createdAt,
          firstEventTimestamp: createdAt,
          lastEventTimestamp: lastEventAt,
          lastIngestionTime: lastEventAt,
          arn: `${groupArn(group, caller)}:log-stream:${name}`,
          storedBytes: 0,
        })),
        nextToken,
      };
    },

    async GetLogEvents(input) {
      const members = new Members(input);
      const group = members.logGroup();
      const stream = members.string('logStreamName');
      if (!stream) throw invalidParameter("'logStreamName' must not be null.");
      await streamsOf(group);
      const span = { startTime: members.number('startTime'), endTime: members.number('endTime') };
      const limit = members.limit('limit', maxEvents);
      const token = members.string('nextToken');
      const { forward, at } = token
        ? parseToken(token)
        : { forward: members.boolean('startFromHead') ?? false, at: undefined };

      let events: PlacedEvent[] = [];
      const end = forward ? Infinity : (at ?? Infinity);
      for await (const event of readEvents(store, group, stream, forward ? (at ?? 0) : 0, span)) {
        if (event.end > end) break;
        events.push(event);
        if (forward && events.length === limit) break;
        // Backwards only the last ones count; cutting in steps keeps this linear.
        if (!forward && events.length >= 2 * limit) events = events.slice(-limit);
      }
      if (!forward) events = events.slice(-limit);
      const first = events[0]?.start ?? at ?? 0;
      const last = events.at(-1)?.end ?? at ?? 0;
      return {
        events: events.map(outputEvent),
        nextForwardToken: `f/${last}`,
        nextBackwardToken: `b/${first}`,
      };
    },

    async FilterLogEvents(input) {
      const members = new Members(input);
      const group = members.logGroup();
      const names = members.strings('logStreamNames');
      const prefix = members.string('logStreamNamePrefix') ?? '';
      const matches = filterPattern(members.string('filterPattern') ?? '');
      const span = { startTime: members.number('startTime'), endTime: members.number('endTime') };
      const limit = members.limit('limit', maxEvents);
      const skip = Number(members.string('nextToken') ?? 0);
      if (!Number.isInteger(skip) || skip < 0) throw invalidParameter('The specified nextToken is invalid.');

      const streams = (await streamsOf(group)).filter(
        ({ name, lastEventAt }) =>
          (names ? names.includes(name) : name.startsWith(prefix)) && lastEventAt >= (span.startTime ?? 0),
      );
      const found: (PlacedEvent & { stream: string })[] = [];
      for (const { name } of streams) {
        for await (const event of readEvents(store, group, name, 0, span)) {
          if (matches(event.message)) found.push({ ...event, stream: name });
        }
      }
      found.sort((a, b) => a.timestamp - b.timestamp);
      const events = found.slice(skip, skip + limit);
      return {
        events: events.map((event) => ({
          ...outputEvent(event),
          logStreamName: event.stream,
          eventId: `${event.stream}/${event.start}`,
        })),
        searchedLogStreams: [],
        nextToken: found.length > skip + limit ? String(skip + limit) : undefined,
      };
    },
  };
}

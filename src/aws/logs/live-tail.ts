import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogStore } from '../../store/log-store.ts';
import type { Caller } from '../caller.ts';
import { eventMessage } from '../protocol/event-stream.ts';
import { filterPattern } from './filter-pattern/filter-pattern.ts';
import { invalidParameter, noSuchGroup } from './logs-errors.ts';
import { groupName, Members } from './members.ts';

/** AWS's: an update every second of at most so many events, for three hours at most. */
const everyMs = 1000;
const mostEvents = 500;
const longestMs = 3 * 60 * 60 * 1000;
const mostGroups = 10;

/**
 * StartLiveTail: what is written to log groups from now on, as an event stream.
 * @param closed ends all sessions
 * @throws `ResourceNotFoundException` | `InvalidParameterException` before the stream begins
 */
export function startLiveTail(
  store: LogStore,
  input: Record<string, unknown>,
  { requestId }: Caller,
  closed: AbortSignal,
): AsyncGenerator<Buffer> {
  const members = new Members(input);
  const groups = members.strings('logGroupIdentifiers') ?? [];
  if (groups.length === 0 || groups.length > mostGroups) {
    throw invalidParameter(`'logGroupIdentifiers' must name 1 to ${mostGroups} log groups.`);
  }
  const names = members.strings('logStreamNames');
  const prefixes = members.strings('logStreamNamePrefixes');
  const pattern = members.string('logEventFilterPattern') ?? '';
  const matches = filterPattern(pattern);
  for (const group of groups) if (!store.hasGroup(groupName(group))) throw noSuchGroup();
  const wanted = (stream: string) =>
    (!names || names.includes(stream)) && (!prefixes || prefixes.some((prefix) => stream.startsWith(prefix)));

  /** By group and stream: the byte up to which its events were sent. */
  const sent = new Map<string, number>();
  const fresh = async (first: boolean) => {
    const found = [];
    for (const identifier of groups) {
      const group = groupName(identifier);
      for (const { name, bytes } of (await store.streams(group)) ?? []) {
        if (!wanted(name)) continue;
        const place = `${group}\n${name}`;
        if (first) sent.set(place, bytes);
        let from = sent.get(place) ?? 0;
        for (;;) {
          const page = await store.read(group, name, from);
          if (!page || page.next === from) break;
          from = page.next;
          for (const { message, timestamp } of page.events) {
            if (!matches(message)) continue;
            const event = { timestamp, ingestionTime: timestamp, message };
            found.push({ logGroupIdentifier: identifier, logStreamName: name, ...event });
          }
        }
        sent.set(place, from);
      }
    }
    return found;
  };

  return (async function* () {
    yield eventMessage('initial-response', {});
    const start = { requestId, sessionId: randomUUID(), logGroupIdentifiers: groups };
    yield eventMessage('sessionStart', {
      ...{ ...start, logStreamNames: names ?? [], logStreamNamePrefixes: prefixes ?? [] },
      logEventFilterPattern: pattern,
    });
    await fresh(true);
    for (let left = longestMs; left > 0 && !closed.aborted; left -= everyMs) {
      await sleep(everyMs, undefined, { signal: closed }).catch(() => {});
      const found = await fresh(false);
      yield eventMessage('sessionUpdate', {
        sessionMetadata: { sampled: found.length > mostEvents },
        sessionResults: found.slice(0, mostEvents),
      });
    }
  })();
}

import type { LogEvent, LogStore } from '../../store/log-store.ts';
import { invalidParameter, noSuchStream } from './errors.ts';

/** Most events of one answer, as CloudWatch Logs has it. */
export const maxEvents = 10_000;

/** A half-open span of time in epoch milliseconds; both ends are optional. */
export interface Span {
  startTime?: number;
  endTime?: number;
}

const inside = ({ timestamp }: LogEvent, { startTime = 0, endTime = Infinity }: Span) =>
  timestamp >= startTime && timestamp < endTime;

/** One event with the place of its line in the stream's file. */
export interface PlacedEvent extends LogEvent {
  /** Byte right after the event's line. */
  end: number;
}

/** Reads the events of a stream from byte `from` on that lie inside `span`, at most `limit` of them. */
export async function readForward(
  store: LogStore,
  group: string,
  stream: string,
  from: number,
  span: Span,
  limit: number,
): Promise<{ events: PlacedEvent[]; next: number }> {
  const events: PlacedEvent[] = [];
  for (let at = from; ; ) {
    const page = await store.read(group, stream, at);
    if (!page) throw noSuchStream();
    for (const event of page.events) {
      if (inside(event, span)) events.push(event);
      if (events.length === limit) return { events, next: event.end };
    }
    if (page.next === at) return { events, next: at };
    at = page.next;
  }
}

/**
 * Reads the last `limit` events before byte `to` (undefined: the end of the stream).
 * Streams are walked from their beginning: they are small, and this is asked by people, not by machines.
 */
export async function readBackward(
  store: LogStore,
  group: string,
  stream: string,
  to: number | undefined,
  span: Span,
  limit: number,
): Promise<{ events: PlacedEvent[]; next: number; start: number }> {
  let events: PlacedEvent[] = [];
  let at = 0;
  for (;;) {
    const page = await store.read(group, stream, at);
    if (!page) throw noSuchStream();
    const wanted = page.events.filter(
      (event) => inside(event, span) && (to === undefined || event.end <= to),
    );
    events = [...events, ...wanted].slice(-limit);
    if (page.next === at || (to !== undefined && page.next >= to)) break;
    at = page.next;
  }
  const first = events[0];
  return { events, next: to ?? at, start: first ? first.end : 0 };
}

/** `f/123` or `b/123`: direction and byte, opaque to clients. */
export function parseToken(token: string): { forward: boolean; at: number } {
  const match = /^([fb])\/(\d{1,15})$/.exec(token);
  if (!match) throw invalidParameter('The specified nextToken is invalid.');
  return { forward: match[1] === 'f', at: Number(match[2]) };
}

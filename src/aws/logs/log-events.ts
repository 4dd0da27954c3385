import type { LogEvent, LogStore, PlacedEvent } from '../../store/log-store.ts';
import { invalidParameter, noSuchStream } from './logs-errors.ts';

/** A half-open span of time in epoch milliseconds; both ends are optional. */
export interface Span {
  startTime?: number | undefined;
  endTime?: number | undefined;
}

const inside = ({ timestamp }: LogEvent, { startTime = 0, endTime = Infinity }: Span) =>
  timestamp >= startTime && timestamp < endTime;

/** Every event of a stream from byte `from` on that lies inside `span`. */
export async function* readEvents(
  store: LogStore,
  group: string,
  stream: string,
  from: number,
  span: Span,
): AsyncGenerator<PlacedEvent> {
  for (let at = from; ; ) {
    const page = await store.read(group, stream, at);
    if (!page) throw noSuchStream();
    for (const event of page.events) if (inside(event, span)) yield event;
    if (page.next === at) return;
    at = page.next;
  }
}

/** `f/123` or `b/123`: direction and byte, opaque to clients. */
export function parseToken(token: string): { forward: boolean; at: number } {
  const match = /^([fb])\/(\d{1,15})$/.exec(token);
  if (!match) throw invalidParameter('The specified nextToken is invalid.');
  return { forward: match[1] === 'f', at: Number(match[2]) };
}

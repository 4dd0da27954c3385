import { Readable } from 'node:stream';
import type { StateChangeEvent } from '../control/events/event.ts';
import type { EventFeed } from '../control/events/event-feed.ts';
import type { SquibHandlers } from './squib-model.ts';

/** A sign of life that often, so that neither side takes a quiet stream for a dead one. */
const QUIET_MS = 15_000;

/** The operations behind `squib events`; authorization stands in front of them (`authorizeHandlers`). */
export function eventHandlers(feed: EventFeed): Pick<SquibHandlers, 'ListEvents' | 'StreamEvents'> {
  return {
    async ListEvents({ resource, maxResults, nextToken }, { accountId, region }) {
      return feed.list({ accountId, region, resource }, { maxResults, nextToken });
    },
    async StreamEvents({ resource, since, lastEventId }, { accountId, region }) {
      const gone = new AbortController();
      const options = { since: lastEventId ?? since, quietMs: QUIET_MS, signal: gone.signal };
      const events = feed.follow({ accountId, region, resource }, options);
      const stream = Readable.from(serverSentEvents(events), { objectMode: false });
      return { stream: stream.once('close', () => gone.abort()) };
    },
  };
}

/** The text of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
async function* serverSentEvents(
  events: AsyncIterable<StateChangeEvent | undefined>,
): AsyncGenerator<string, void> {
  // Lets the answer begin before anything happens.
  yield ': squib\n\n';
  for await (const event of events) {
    yield event === undefined ? ': quiet\n\n' : `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

import type { StateChangeEvent } from '../../control/events/event.ts';
import { fetchSquib } from './call.ts';
import type { Connection } from './connection.ts';

/**
 * Events as they happen, on one connection; ends when that does.
 * @param since id of the last event that is known already
 * @throws SquibError when squib does not answer or refuses
 */
export async function* eventStream(
  connection: Connection,
  query: { resource?: string; since?: string },
  signal?: AbortSignal,
): AsyncGenerator<StateChangeEvent, void> {
  const response = await fetchSquib(connection, 'StreamEvents', query, { signal });
  let rest = '';
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as StateChangeEvent;
    }
  }
}

import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { StateChangeEvent } from '../../../src/control/events/event.ts';
import { request, toRequest } from './call.ts';

/** How long changes are gathered before what shows them is asked for again. */
const GATHER_MS = 150;
const RETRY_MS = 3000;

/** Reads an event stream until it ends. @throws ApiError where there is none */
async function readEvents(
  since: string | undefined,
  signal: AbortSignal,
  onOpen: () => void,
  onEvent: (event: StateChangeEvent) => void,
): Promise<void> {
  const input = since === undefined ? {} : { since };
  const { body } = await request({ ...toRequest('StreamEvents', input), signal });
  if (!body) return;
  onOpen();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const records = text.split('\n\n');
    text = records.pop() ?? '';
    for (const record of records) {
      const data = /^data: (.*)$/m.exec(record)?.[1];
      if (data !== undefined) onEvent(JSON.parse(data) as StateChangeEvent);
    }
  }
}

/** What shows the subject of an event, as keys of queries. */
function keysOf({ detail, 'detail-type': type }: StateChangeEvent): string[][] {
  if (detail.microvmId !== undefined) {
    return [['microvms'], ['microvm', detail.microvmId], ['history', detail.microvmId], ['failures']];
  }
  if (type.includes('Connector')) return [['connectors']];
  return [['images'], ['image', detail.imageArn ?? ''], ['failures']];
}

/**
 * Keeps what the page shows up to date: every change of state makes it ask again for what shows it.
 * @returns whether changes arrive; without them queries ask by themselves
 */
export function useLiveUpdates(): boolean {
  const queries = useQueryClient();
  const [live, setLive] = useState(false);
  useEffect(() => follow(queries, setLive), [queries]);
  return live;
}

function follow(queries: QueryClient, setLive: (live: boolean) => void): () => void {
  const stop = new AbortController();
  const waiting = new Map<string, string[]>();
  let since: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    timer = undefined;
    for (const queryKey of waiting.values()) void queries.invalidateQueries({ queryKey });
    waiting.clear();
  };
  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await readEvents(
          since,
          stop.signal,
          () => setLive(true),
          (event) => {
            since = event.id;
            for (const key of keysOf(event)) waiting.set(key.join('\n'), key);
            timer ??= setTimeout(tell, GATHER_MS);
          },
        );
      } catch {
        // Told by the queries, which go on asking by themselves.
      }
      if (stop.signal.aborted) return;
      setLive(false);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  void run();
  return () => {
    stop.abort();
    clearTimeout(timer);
  };
}

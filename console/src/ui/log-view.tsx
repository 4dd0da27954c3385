import { useQuery } from '@tanstack/react-query';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { type LogEvent, logStreams, readLog } from '../api/logs.ts';
import { absolute } from '../lib/format.ts';
import { Icon } from './icons.tsx';
import { ErrorNote } from './notes.tsx';

interface LogViewProps {
  label: string;
  group: string;
  /** Tells the stream by its name; of several the newest is shown. */
  matches(name: string): boolean;
  /** Goes on asking for more. */
  live: boolean;
  /** Where nothing was written. */
  empty: string;
}

const FOLLOW_MS = 1000;
/** Lines beyond these are forgotten, oldest first. */
const KEPT = 5000;

/** A log as it grows. It stays at its end unless one scrolls back. */
export function LogView({ label, group, matches, live, empty }: LogViewProps) {
  const streams = useQuery({
    queryKey: ['log-streams', group],
    queryFn: ({ signal }) => logStreams(group, signal),
    refetchInterval: ({ state }) =>
      live && !state.data?.some(({ logStreamName }) => matches(logStreamName)) ? FOLLOW_MS : false,
  });
  const stream = streams.data?.find(({ logStreamName }) => matches(logStreamName))?.logStreamName;
  const { events, error } = useLog(group, stream, live);
  const [filter, setFilter] = useState('');
  const wanted = filter.toLowerCase();
  const shown = useMemo(
    () => (wanted === '' ? events : events.filter(({ message }) => message.toLowerCase().includes(wanted))),
    [events, wanted],
  );
  const box = useStickyEnd(shown);
  const problem = streams.error ?? error;
  if (problem) return <ErrorNote error={problem} retry={() => void streams.refetch()} />;
  return (
    <div className="log">
      <div className="log-head">
        <label className="search small">
          <Icon name="search" />
          <span className="off-screen">Find in {label}</span>
          <input
            type="search"
            placeholder="Find"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        </label>
        <span className="muted">{stream ?? group}</span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className="log-lines" ref={box} role="log" aria-label={label} tabIndex={0}>
        {shown.length === 0 && <p className="muted">{wanted === '' ? empty : 'No line holds this text.'}</p>}
        {shown.map(({ key, timestamp, message }) => (
          <div key={key} className={isError(message) ? 'log-line bad' : 'log-line'}>
            <time dateTime={new Date(timestamp).toISOString()} title={absolute(timestamp)}>
              {clock(timestamp)}
            </time>
            <span>{message}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

/** As builds write the line that says what failed. */
const isError = (message: string) => /^(#\d+ )?ERROR/.test(message);

const clock = (timestamp: number) => {
  const time = new Date(timestamp);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
};

type Line = LogEvent & { key: number };

function useLog(group: string, stream: string | undefined, live: boolean) {
  const [events, setEvents] = useState<Line[]>([]);
  const [error, setError] = useState<unknown>();
  const liveNow = useRef(live);
  liveNow.current = live;
  useEffect(() => {
    setEvents([]);
    if (stream === undefined) return;
    const stop = new AbortController();
    let key = 0;
    const follow = async () => {
      let token: string | undefined;
      for (;;) {
        const page = await readLog(group, stream, token, stop.signal);
        token = page.nextForwardToken;
        if (page.events.length > 0) {
          const lines = page.events.map((event) => ({ ...event, key: key++ }));
          setEvents((before) => [...before, ...lines].slice(-KEPT));
        } else {
          await new Promise((resolve) => setTimeout(resolve, liveNow.current ? FOLLOW_MS : 5 * FOLLOW_MS));
        }
        if (stop.signal.aborted) return;
      }
    };
    follow().catch((problem: Error) => {
      if (!stop.signal.aborted) setError(problem);
    });
    return () => stop.abort();
  }, [group, stream]);
  return { events, error };
}

/** Scrolls to the end when something was added, if one was there before. */
function useStickyEnd(shown: readonly unknown[]) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 30;
    };
    element.addEventListener('scroll', look, { passive: true });
    return () => element.removeEventListener('scroll', look);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown decides how high the box is
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown]);
  return box;
}

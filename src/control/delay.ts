import type { Clock } from './clock.ts';

/** Waits on `clock`; ends early, without error, when `signal` is aborted. */
export function delay(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimer(milliseconds, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** How long to wait before the next try: 1 s, 2 s, 4 s … at most a minute. */
export function backoff(attempt: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(attempt, 6));
}

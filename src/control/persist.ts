import type { Ground } from './context.ts';
import { backoff, delay } from './delay.ts';

/**
 * Writes down something that has already happened, and so cannot be refused: tried again until the store takes it.
 * @returns false when squib stops before that; the next start finds out by looking.
 */
export async function persist(ground: Ground, stopped: AbortSignal, write: () => void): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    try {
      write();
      return true;
    } catch (error) {
      ground.log.error('control.store', { attempt, error });
    }
    await delay(ground.clock, backoff(attempt), stopped);
    if (stopped.aborted) return false;
  }
}

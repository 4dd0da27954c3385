import { EndpointUnavailable, type UnavailableReason } from '../endpoints.ts';

interface Waiter {
  admit(): void;
  turnAway(error: Error): void;
}

/** Callers that wait until a MicroVM takes traffic. */
export class WaitingRoom {
  readonly #waiters = new Set<Waiter>();

  get empty(): boolean {
    return this.#waiters.size === 0;
  }

  /** `signal` must not be aborted yet. Resolves at {@link admitAll}; rejects at {@link turnAwayAll} or when the caller gives up. */
  enter(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        admit() {
          leave();
          resolve();
        },
        turnAway(error) {
          leave();
          reject(error);
        },
      };
      const giveUp = () => waiter.turnAway(signal.reason as Error);
      this.#waiters.add(waiter);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  admitAll(): void {
    for (const waiter of [...this.#waiters]) waiter.admit();
  }

  turnAwayAll(reason: UnavailableReason): void {
    for (const waiter of [...this.#waiters]) waiter.turnAway(new EndpointUnavailable(reason));
  }
}

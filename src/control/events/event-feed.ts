import type { TransitionFilter, Transitions } from '../../store/transitions.ts';
import { unknownEvent } from '../errors.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { type StateChangeEvent, toEvent } from './event.ts';

/** Whose events, and which of them. */
export interface EventQuery {
  accountId: string;
  region: string;
  /** ARN of an image (with its versions, builds and MicroVMs) or connector, or id of a MicroVM, build or connector. */
  resource?: string | undefined;
}

/** So many events are read at once; a reader that is slow is never ahead of what is read for it. */
const BATCH = 100;

/** Every change of state, as events: those of the past by pages, those to come as they happen. */
export class EventFeed {
  readonly #transitions: Transitions;
  readonly #waiting = new Set<() => void>();
  readonly #stopListening: () => void;
  #wakeIsDue = false;
  #closed = false;

  constructor(transitions: Transitions) {
    this.#transitions = transitions;
    this.#stopListening = transitions.onAdd(() => this.#wakeSoon());
  }

  /** Newest first. @throws ServiceError for a token of another list */
  list(
    query: EventQuery,
    page: { maxResults?: number | undefined; nextToken?: string | undefined },
  ): { items: StateChangeEvent[]; nextToken: string | undefined } {
    const list = `events ${query.resource ?? ''}`;
    const { rows, more } = this.#transitions.page(
      filterOf(query),
      pageRequest(list, page.maxResults, page.nextToken),
    );
    return { items: rows.map(toEvent), nextToken: nextToken(list, more, rows.at(-1)?.seq) };
  }

  /**
   * Oldest first, and then each one as it happens, until `signal` aborts or the feed is closed. Events are read when the
   * reader asks for the next, so that a slow one costs nothing and misses nothing.
   *
   * @param since id of the last event that the reader knows; without it only what happens from now on
   * @param quietMs after so long without an event `undefined` is yielded, for a sign of life
   * @throws ServiceError for an id that no event has had yet
   */
  follow(
    query: EventQuery,
    { since, quietMs, signal }: { since?: string | undefined; quietMs: number; signal: AbortSignal },
  ): AsyncGenerator<StateChangeEvent | undefined, void> {
    const newest = this.#transitions.newest();
    const last = since === undefined ? newest : Number(since);
    if (since !== undefined && last > newest) throw unknownEvent(since, newest);
    return this.#follow(filterOf(query), last, quietMs, signal);
  }

  async *#follow(filter: TransitionFilter, since: number, quietMs: number, signal: AbortSignal) {
    let last = since;
    while (!this.#closed && !signal.aborted) {
      const rows = this.#transitions.after(filter, last, BATCH);
      for (const row of rows) {
        last = row.seq;
        yield toEvent(row);
      }
      if (rows.length === 0 && !(await this.#change(quietMs, signal))) yield undefined;
    }
  }

  /** Ends every {@link follow}. */
  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#wake();
  }

  /** The change is told inside its transaction; by the next turn that has been committed or given up. */
  #wakeSoon(): void {
    if (this.#wakeIsDue || this.#waiting.size === 0) return;
    this.#wakeIsDue = true;
    setImmediate(() => this.#wake());
  }

  #wake(): void {
    this.#wakeIsDue = false;
    for (const wake of [...this.#waiting]) wake();
  }

  /** @returns false when nothing happened for so long */
  #change(quietMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (happened: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve(happened);
      };
      const wake = () => end(true);
      const timer = setTimeout(end, quietMs, false).unref();
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.add(wake);
    });
  }
}

function filterOf({ accountId: account, region, resource }: EventQuery): TransitionFilter {
  if (resource === undefined) return { account, region };
  return { account, region, ...(resource.startsWith('arn:') ? { resource } : { subject: resource }) };
}

import type { Timer } from '../clock.ts';
import type { Ground } from '../context.ts';
import { remember } from '../history.ts';

/** How long a connector shows its in-between states, so that clients which wait for them see them. */
const soon = 50;

/** Ends what create and delete began. There is nothing to set up on this host yet, so it takes no time. */
export class ConnectorWork {
  readonly #ground: Ground;
  readonly #timers = new Set<Timer>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  activate(id: string): void {
    this.#soon(() => this.#activate(id));
  }

  remove(id: string): void {
    this.#soon(() => this.#remove(id));
  }

  /** Finishes what an earlier run of squib had begun. */
  recover(): void {
    const { store } = this.#ground;
    for (const { id } of store.connectors.inState('PENDING')) this.activate(id);
    for (const { id } of store.connectors.inState('DELETING')) this.remove(id);
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #soon(work: () => void): void {
    const { clock, log } = this.#ground;
    const timer = clock.setTimer(soon, () => {
      this.#timers.delete(timer);
      try {
        work();
      } catch (error) {
        log.error('connector.work', { error });
        this.#soon(work);
      }
    });
    this.#timers.add(timer);
  }

  #activate(id: string): void {
    const { store, clock } = this.#ground;
    const connector = store.connectors.byId(id);
    if (connector?.state !== 'PENDING') return;
    const at = clock.now();
    const reason = 'Initial creation';
    store.transaction(() => {
      store.connectors.update({ ...connector, state: 'ACTIVE', stateReason: reason, lastModified: at });
      remember(store, { kind: 'connector', id }, { from: 'PENDING', to: 'ACTIVE', reason, at });
    });
  }

  #remove(id: string): void {
    const { store, clock } = this.#ground;
    const connector = store.connectors.byId(id);
    if (connector?.state !== 'DELETING') return;
    const change = { from: 'DELETING', to: 'DELETED', reason: 'Removed.', at: clock.now() };
    store.transaction(() => {
      remember(store, { kind: 'connector', id }, change);
      store.tags.clear(connector.arn);
      store.connectors.remove(id);
    });
  }
}

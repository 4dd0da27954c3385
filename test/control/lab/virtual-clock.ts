import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock, Timer } from '../../../src/control/clock.ts';

/** Lets everything that is ready run. */
export async function flush(): Promise<void> {
  for (let round = 0; round < 4; round++) await macrotask();
}

/** Time that moves only when a test moves it. */
export class VirtualClock implements Clock {
  #now: number;
  #timers = new Map<number, { at: number; fire: () => void }>();
  #next = 0;

  constructor(now = Date.parse('2026-11-22T00:00:00.125Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  setTimer(milliseconds: number, fire: () => void): Timer {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + milliseconds, fire });
    return { cancel: () => this.#timers.delete(id) };
  }

  /** Fires every timer on the way, in order, letting its consequences happen before the next. */
  async advance(milliseconds: number): Promise<void> {
    const target = this.#now + milliseconds;
    await flush();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= target).sort((a, b) => a[1].at - b[1].at)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].fire();
      await flush();
    }
    this.#now = target;
  }

  /** The process that set these timers is dead. */
  forget(): void {
    this.#timers.clear();
  }
}

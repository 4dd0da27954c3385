/** A timer that has not fired yet. */
export interface Timer {
  cancel(): void;
}

/** Time, so that tests can turn it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fire` once after `milliseconds`; it does not keep the process alive. */
  setTimer(milliseconds: number, fire: () => void): Timer;
}

/** Node's timers hold 31 bits; a longer wait fires early, and whoever set it looks at the clock again. */
const LONGEST = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(milliseconds, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(milliseconds, 0), LONGEST)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

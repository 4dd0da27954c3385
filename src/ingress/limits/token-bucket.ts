/** Lets `perSecond` units pass on average and up to `burst` at once. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #level: number;
  #at: number;

  /** @param now milliseconds that only grow; for tests. */
  constructor(perSecond: number, burst: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
    this.#level = burst;
    this.#at = now();
  }

  #refill(): void {
    const now = this.#now();
    this.#level = Math.min(this.#burst, this.#level + ((now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
  }

  /** Takes one unit if there is one. */
  tryTake(): boolean {
    this.#refill();
    if (this.#level < 1) return false;
    this.#level--;
    return true;
  }

  /** Takes units that have passed already. @returns milliseconds to wait before more may pass. */
  spend(units: number): number {
    this.#refill();
    this.#level -= units;
    return this.#level >= 0 ? 0 : (-this.#level / this.#perSecond) * 1000;
  }
}

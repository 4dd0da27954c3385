/** How long a token is valid, and how long it is used before the next one is made. */
export const tokenMinutes = 60;
const renewAfterMs = 30 * 60_000;
const uselessAfterMs = tokenMinutes * 60_000 - 10_000;

/** One auth token after another, so that each request has one that is valid. */
export class TokenSource {
  readonly #mint: () => Promise<string>;
  readonly #now: () => number;
  #token = '';
  #madeAt = Number.NEGATIVE_INFINITY;
  #minting: Promise<string> | undefined;

  /** @param now epoch milliseconds; for tests */
  constructor(mint: () => Promise<string>, now: () => number = Date.now) {
    this.#mint = mint;
    this.#now = now;
  }

  /** At once while there is a valid token; a new one is made beside that in good time. @throws what `mint` throws */
  get(): Promise<string> {
    const age = this.#now() - this.#madeAt;
    if (age < renewAfterMs) return Promise.resolve(this.#token);
    const fresh = this.#renew();
    if (age >= uselessAfterMs) return fresh;
    fresh.catch(() => {}); // the next request tries again, and fails only when the old token has expired
    return Promise.resolve(this.#token);
  }

  /** The endpoint does not accept the token any more: the next request gets another. */
  discard(): void {
    this.#madeAt = Number.NEGATIVE_INFINITY;
  }

  #renew(): Promise<string> {
    this.#minting ??= this.#mint()
      .then((token) => {
        this.#token = token;
        this.#madeAt = this.#now();
        return token;
      })
      .finally(() => {
        this.#minting = undefined;
      });
    return this.#minting;
  }
}

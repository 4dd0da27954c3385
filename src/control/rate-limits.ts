import type { Clock } from './clock.ts';
import { rateExceeded } from './errors.ts';
import type { Rates } from './quotas.ts';

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** One token bucket per account and operation. Returns a function that takes a token or throws. */
export function createRateLimits(rates: Rates, clock: Clock) {
  const buckets = new Map<string, Bucket>();
  return (account: string, operation: keyof Rates): void => {
    const rate = rates[operation];
    if (!rate) return;
    const now = clock.now();
    const key = `${account}/${operation}`;
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: rate.burst, filledAt: now };
      buckets.set(key, bucket);
    }
    // A clock that was set back fills nothing and empties nothing.
    const gained = (Math.max(0, now - bucket.filledAt) / 1000) * rate.perSecond;
    bucket.tokens = Math.min(rate.burst, bucket.tokens + gained);
    bucket.filledAt = now;
    if (bucket.tokens < 1) throw rateExceeded();
    bucket.tokens -= 1;
  };
}

/** What one MicroVM's endpoint carries (decision P14: a token bucket each); absent means unlimited. */
export interface GuestLimits {
  /** Requests, WebSockets and shells open at a time; more are answered 429. */
  connections?: number;
  /** Requests per second on average, with a burst of two seconds' worth; more are answered 429. */
  requestsPerSecond?: number;
  /** Bytes per second, both directions together; more is slowed down, never refused. */
  bytesPerSecond?: number;
}

const mebibyte = 1024 * 1024;

/**
 * AWS's figures for a baseline size in MiB (spec: networking-and-proxy section 6). Connections and bandwidth grow
 * with the size; of the request rates, those published come to 10 for each vCPU at peak.
 */
export function awsLimits(baselineMiB: number): GuestLimits {
  const gibibytes = baselineMiB / 1024;
  return {
    connections: Math.round(16 * gibibytes),
    requestsPerSecond: Math.round(20 * gibibytes),
    bytesPerSecond: Math.round(2 * gibibytes * mebibyte),
  };
}

/** A setting: a profile, and numbers that count instead of its own (0: its own). */
export interface LimitProfile {
  profile: 'none' | 'aws';
  connections: number;
  requestsPerSecond: number;
  bytesPerSecond: number;
}

/** The limits of a MicroVM of a baseline size in MiB. */
export function guestLimits({ profile, ...own }: LimitProfile, baselineMiB: number): GuestLimits {
  const limits: GuestLimits = profile === 'aws' ? awsLimits(baselineMiB) : {};
  for (const name of ['connections', 'requestsPerSecond', 'bytesPerSecond'] as const) {
    if (own[name] > 0) limits[name] = own[name];
  }
  return limits;
}

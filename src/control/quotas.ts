/** A token bucket: `perSecond` tokens flow in, at most `burst` are kept. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** Every limit of an account. Defaults are AWS's, except where a comment says why not. */
export interface Quotas {
  /** Baseline memory in MiB of all PENDING, RUNNING, SUSPENDING and SUSPENDED MicroVMs. */
  memoryMiB: number;
  images: number;
  versionsPerImage: number;
  /** Builds that wait or run; one more is refused. */
  concurrentBuilds: number;
  /** Builds that run at the same time on this host; the others wait for their turn. */
  buildsAtOnce: number;
  networkConnectors: number;
  /** Calls by operation name; an operation without an entry is not limited. */
  rates: Readonly<Record<string, Rate>>;
}

/** The published rate with room for a burst: AWS itself lets 20 parallel RunMicrovm calls through. */
const rate = (perSecond: number): Rate => ({ perSecond, burst: Math.max(50, 10 * perSecond) });

/** spec: quotas-and-errors section 1 */
export const defaultQuotas: Quotas = {
  memoryMiB: 400 * 1024,
  images: 100,
  versionsPerImage: 50,
  concurrentBuilds: 10,
  buildsAtOnce: 2,
  // AWS publishes no number.
  networkConnectors: 100,
  rates: {
    RunMicrovm: rate(5),
    ResumeMicrovm: rate(5),
    SuspendMicrovm: rate(2),
    TerminateMicrovm: rate(10),
    GetMicrovm: rate(100),
    CreateMicrovmAuthToken: rate(50),
    CreateMicrovmShellAuthToken: rate(5),
  },
};

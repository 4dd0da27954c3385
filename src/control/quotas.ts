import type { LambdaCoreOperations } from '../aws/models/lambda-core.ts';
import type { LambdaMicrovmsOperations } from '../aws/models/lambda-microvms.ts';

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
  /** Calls by operation name; an operation without an entry, or with null, is not limited. */
  rates: Rates;
}

type OperationName = keyof (LambdaMicrovmsOperations & LambdaCoreOperations);
export type Rates = Readonly<Partial<Record<OperationName, Rate | null>>>;

/** The published rate with room for a burst: AWS itself lets 20 parallel RunMicrovm calls through. */
const rate = (perSecond: number): Rate => ({ perSecond, burst: Math.max(50, 10 * perSecond) });

/** spec: quotas-and-errors section 1 */
export const defaultQuotas: Quotas & { rates: Required<Rates> } = {
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
    // AWS publishes no rates for the others.
    CreateMicrovmImage: null,
    CreateNetworkConnector: null,
    DeleteMicrovmImage: null,
    DeleteMicrovmImageVersion: null,
    DeleteNetworkConnector: null,
    GetMicrovmImage: null,
    GetMicrovmImageBuild: null,
    GetMicrovmImageVersion: null,
    GetNetworkConnector: null,
    ListManagedMicrovmImages: null,
    ListManagedMicrovmImageVersions: null,
    ListMicrovmImageBuilds: null,
    ListMicrovmImages: null,
    ListMicrovmImageVersions: null,
    ListMicrovms: null,
    ListNetworkConnectors: null,
    ListTags: null,
    TagResource: null,
    UntagResource: null,
    UpdateMicrovmImage: null,
    UpdateMicrovmImageVersion: null,
    UpdateNetworkConnector: null,
  },
};

/** What the endpoint needs to know of a MicroVM before it looks at its state. */
export interface Endpoint {
  microvmId: string;
  /** True with an ingress connector for application traffic. */
  httpIngress: boolean;
  /** True with an ingress connector for the shell. */
  shellIngress: boolean;
}

/** Who stands behind an endpoint's name, and whether it takes traffic. Made for `ingress`. */
export interface EndpointDirectory {
  /**
   * Decided by the first label alone, so that clients may reach an endpoint under any domain.
   * A terminated MicroVM is still found.
   * @param hostname with or without port
   */
  find(hostname: string): Endpoint | undefined;
  /** True for a MicroVM that runs: {@link acquire} would resolve at once. Counts as activity. */
  takesTraffic(microvmId: string): boolean;
  /**
   * Resolves when the MicroVM takes traffic: holds while it starts, suspends or resumes, and resumes it where its
   * idle policy allows that; one resume for any number of callers. Counts as activity.
   * @throws EndpointUnavailable when it cannot, or the signal's reason.
   */
  acquire(microvmId: string, signal: AbortSignal): Promise<void>;
  /** Bytes crossed the endpoint: the idle timer starts again. Cheap enough for every chunk. */
  touch(microvmId: string): void;
  /**
   * Calls `listener` once when open connections have lost their MicroVM: at SUSPENDED and at the end. Until then
   * they may be used, by lifecycle hooks too (spec: lifecycle-and-hooks 4.2).
   * @returns a function that unregisters.
   */
  onEnd(microvmId: string, listener: () => void): () => void;
  /**
   * Calls `listener` whenever the MicroVM is about to be suspended: connections that nobody uses are better closed now
   * than cut off then. @returns a function that unregisters.
   */
  onSuspending(microvmId: string, listener: () => void): () => void;
}

export type UnavailableReason =
  | 'unknown'
  | 'suspended'
  | 'startFailed'
  | 'resumeFailed'
  | 'terminated'
  | 'closing';

const sentences: Record<UnavailableReason, string> = {
  unknown: 'There is no such MicroVM.',
  suspended: 'The MicroVM is suspended and its idle policy does not allow it to resume by itself.',
  startFailed: 'The MicroVM did not start.',
  resumeFailed: 'The MicroVM could not be resumed.',
  terminated: 'The MicroVM has been terminated.',
  closing: 'squib is shutting down.',
};

/** The MicroVM takes no traffic, and waiting does not help. */
export class EndpointUnavailable extends Error {
  override readonly name = 'EndpointUnavailable';
  readonly reason: UnavailableReason;
  constructor(reason: UnavailableReason) {
    super(sentences[reason]);
    this.reason = reason;
  }
}

/** First label of an endpoint's host name, when it has the form of one (spec: networking-and-proxy section 1). */
export function endpointId(hostname: string): string | undefined {
  return /^([0-9a-f-]{36})\.lambda-microvm\.[^/]+$/i.exec(hostname)?.[1]?.toLowerCase();
}

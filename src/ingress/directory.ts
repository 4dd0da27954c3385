import type { Duplex } from 'node:stream';
import type { ShellSession } from '../control/host.ts';

/** What the endpoint needs to know of a MicroVM. */
export interface Endpoint {
  microvmId: string;
  /** False without an ingress connector for application traffic (P1: an app token is then refused). */
  httpIngress: boolean;
}

/** Who stands behind an endpoint's name, and in which state. */
export interface EndpointDirectory {
  /** @param hostname lower case, without port. A terminated MicroVM may still be found. */
  find(hostname: string): Endpoint | undefined;
  /**
   * Resolves when the MicroVM takes traffic, resuming it first if it is suspended and may resume by itself; one
   * resume for any number of callers. Rejects when it cannot (spec: networking-and-proxy section 3, the 502s).
   */
  acquire(microvmId: string, signal: AbortSignal): Promise<void>;
  /** Bytes crossed the endpoint: the idle timer starts again. */
  touch(microvmId: string): void;
  /** Calls `listener` before a suspend and at the end of the MicroVM. @returns a function that unregisters. */
  onEnd(microvmId: string, listener: () => void): () => void;
}

/** How bytes reach the inside of a MicroVM; `Host` of `control` is one. */
export interface GuestDialer {
  /** A TCP connection to `127.0.0.1:port` in the MicroVM. Rejects with `PortClosed` when nobody listens. */
  dial(microvmId: string, port: number): Promise<Duplex>;
  openShell(microvmId: string): Promise<ShellSession>;
}

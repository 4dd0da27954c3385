import type { Duplex } from 'node:stream';
import type { ShellSession } from '../control/host.ts';

/** How bytes reach the inside of a MicroVM; `Host` of `control` is one. */
export interface GuestDialer {
  /** A TCP connection to `127.0.0.1:port` in the MicroVM. Rejects with `PortClosed` when nobody listens. */
  dial(microvmId: string, port: number): Promise<Duplex>;
  openShell(microvmId: string): Promise<ShellSession>;
}

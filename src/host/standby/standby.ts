import type { Machine } from '../../engine/engine.ts';
import type { GuestConnection, GuestNetwork } from '../../guest/guest-connection.ts';

/**
 * A machine restored ahead of the MicroVM that will take it: its agent has answered, its container has not run a
 * single instruction, its processors are stopped. It has a user id, a wire and a folder of its own.
 */
export interface Standby {
  readonly id: string;
  /** `<image name>/<version>`. */
  readonly version: string;
  readonly machine: Machine;
  readonly guest: GuestConnection;
  /** The address that its guest has. */
  readonly network: GuestNetwork | undefined;
}

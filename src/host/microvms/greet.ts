import type { Machine } from '../../engine/engine.ts';
import { GuestConnection, GuestGone } from '../../guest/guest-connection.ts';

/** How often an agent is greeted within the time that it has to answer. */
const greetings = 3;

/**
 * Lets a machine run and connects to its agent. A greeting may get lost where the guest learns late that the host behind
 * its port changed; so it is said again on a new connection before the agent is given up, and with it the MicroVM.
 */
export async function greet(machine: Machine, timeoutMs: number): Promise<GuestConnection> {
  for (let attempt = 1; ; attempt++) {
    const channel = await machine.connectChannel();
    const guest = GuestConnection.open(channel, { timeoutMs: timeoutMs / greetings });
    guest.catch(() => {}); // looked at below, once the machine runs
    await machine.run();
    try {
      return await guest;
    } catch (error) {
      if (!(error instanceof GuestGone) || attempt === greetings) throw error;
    }
  }
}

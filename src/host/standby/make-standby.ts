import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataLayout } from '../../config/layout.ts';
import type { EgressOrder } from '../../control/host.ts';
import type { Engine, Machine } from '../../engine/engine.ts';
import { GuestPortClosed, GuestRequestFailed } from '../../guest/guest-connection.ts';
import { greet } from '../microvms/greet.ts';
import type { UidPool } from '../microvms/uid-pool.ts';
import type { GuestNetworking } from '../network/guest-networking.ts';
import type { Standby } from './standby.ts';

const agentTimeoutMs = 30_000;
/** Nobody listens there; whoever does is not asked anything. */
const closedPort = 1;
/** Quiet is who takes no more than so many seconds of a processor in so many milliseconds. */
const quietMs = 500;
const quietSeconds = 0.02;
const longestSettleMs = 8000;

export interface StandbyParts {
  layout: DataLayout;
  engine: Engine;
  uids: UidPool;
  networking: GuestNetworking;
}

export interface StandbyOrder {
  id: string;
  version: string;
  snapshotDir: string;
  /** Where it will be let out to, if whoever takes it wants the same. */
  egress: EgressOrder;
  /** Nobody wants it any more. */
  signal: AbortSignal;
}

/** @throws what the engine or the agent says; nothing is left behind then. */
export async function makeStandby(
  parts: StandbyParts,
  { id, version, snapshotDir, egress, signal }: StandbyOrder,
): Promise<Standby> {
  const { layout, engine, uids, networking } = parts;
  const dir = join(layout.standby, id);
  try {
    await mkdir(dir, { mode: 0o700, recursive: true });
    const tap = await networking.attach(id);
    const network = await networking.prepare(id, egress);
    const machine = await engine.restore({ id, dir, uid: uids.take(id), snapshotDir, tap });
    try {
      const guest = await greet(machine, agentTimeoutMs);
      // What a start would ask of the guest is done already, or at least once, so that software emulation has
      // translated that code. The container stays frozen and learns nothing of it.
      await guest.setNetwork(network);
      await guest.dial(closedPort).then(
        (stream) => stream.destroy(),
        (error) => {
          if (!(error instanceof GuestPortClosed)) throw error;
        },
      );
      await guest.rehearse().catch((error) => {
        if (!(error instanceof GuestRequestFailed)) throw error; // an older agent knows nothing of it
      });
      await untilQuiet(engine, machine, signal);
      await machine.pause();
      return { id, version, machine, guest, network };
    } catch (error) {
      await machine.kill();
      throw error;
    }
  } catch (error) {
    await removeStandby(parts, id);
    throw error;
  }
}

/** A restored guest has things to do for some seconds; who takes the standby shall not have to share the processor with them. */
async function untilQuiet(engine: Engine, machine: Machine, signal: AbortSignal): Promise<void> {
  for (const end = Date.now() + longestSettleMs; Date.now() < end; ) {
    const { cpuSeconds } = engine.usage(machine);
    await sleep(quietMs, undefined, { signal });
    if (engine.usage(machine).cpuSeconds - cpuSeconds <= quietSeconds) return;
  }
}

/** Ends the machine in a standby's folder, whoever started it, and removes what belongs to it. */
export async function removeStandby(parts: StandbyParts, id: string): Promise<void> {
  const { layout, engine, uids, networking } = parts;
  const dir = join(layout.standby, id);
  // Its record may already name the MicroVM that it was about to become.
  await (await engine.adopt({ dir }))?.kill();
  await rm(dir, { recursive: true, force: true });
  uids.release(id);
  await networking.release(id);
}

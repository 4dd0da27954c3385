import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataLayout } from '../../config/layout.ts';
import type { Engine } from '../../engine/engine.ts';
import { GuestPortClosed } from '../../guest/guest-connection.ts';
import { greet } from '../microvms/greet.ts';
import type { UidPool } from '../microvms/uid-pool.ts';
import type { GuestNetworking } from '../network/guest-networking.ts';
import type { Standby } from './standby.ts';

const agentTimeoutMs = 30_000;
/** Nobody listens there; whoever does is not asked anything. */
const closedPort = 1;

export interface StandbyParts {
  layout: DataLayout;
  engine: Engine;
  uids: UidPool;
  networking: GuestNetworking;
}

/** @throws what the engine or the agent says; nothing is left behind then. */
export async function makeStandby(
  parts: StandbyParts,
  id: string,
  version: string,
  snapshotDir: string,
): Promise<Standby> {
  const { layout, engine, uids, networking } = parts;
  const dir = join(layout.standby, id);
  try {
    await mkdir(dir, { mode: 0o700, recursive: true });
    const tap = await networking.attach(id);
    const machine = await engine.restore({ id, dir, uid: uids.take(id), snapshotDir, tap });
    try {
      const guest = await greet(machine, agentTimeoutMs);
      // The guest's kernel and agent do once what a start will ask of them, so that software emulation has
      // translated that code already. The container stays frozen and learns nothing of it.
      await guest.setNetwork(undefined);
      await guest.dial(closedPort).then(
        (stream) => stream.destroy(),
        (error) => {
          if (!(error instanceof GuestPortClosed)) throw error;
        },
      );
      await machine.pause();
      return { id, version, machine, guest };
    } catch (error) {
      await machine.kill();
      throw error;
    }
  } catch (error) {
    await removeStandby(parts, id);
    throw error;
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

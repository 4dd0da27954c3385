import { readdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../log/log.ts';
import { disconnectNetwork } from './network.ts';
import { heldSlots, isAlive, type Slot } from './slots.ts';

/**
 * Finishes what builders could not that were killed: their processes, and with them mounts, loop devices and interfaces,
 * go by themselves (see `runInSandbox`); firewall rules, forwarding and scratch go here. Leaves living builders alone.
 */
export async function sweepBuilds(log: Log): Promise<void> {
  for (const { slot, owner } of await heldSlots()) {
    if (await isAlive(owner)) continue;
    await endProcesses(slot);
    await rm(owner.scratch, { recursive: true, force: true });
    await disconnectNetwork(slot);
    log.warn('swept a build that was killed', { slot: slot.number, scratch: owner.scratch });
  }
}

/** Kills whatever runs under the slot's uids and waits for it to be gone. */
async function endProcesses(slot: Slot): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const pids = await processesOf(slot);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await delay(50);
  }
  throw new Error(`processes of build slot ${slot.number} do not end`);
}

async function processesOf(slot: Slot): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1);
    const dead = /^State:\s+Z/m.test(status);
    if (uid >= slot.firstUid && uid < slot.firstUid + 65_536 && !dead) pids.push(Number(name));
  }
  return pids;
}

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  exclusively,
  heldSlots,
  heldUplinks,
  releaseSlot,
  releaseUplink,
  type Slot,
  slotDirectory,
  type Uplink,
} from './slots.ts';

/**
 * Forwarding of IPv4 is switched on for single interfaces and while builds or MicroVMs run; the host's global switch stays as it
 * is. One marker per interface that was closed before us, shared by all builders of this host.
 */
const markers = join(slotDirectory, 'forwarding');

const switchOf = (name: string) => `/proc/sys/net/ipv4/conf/${name}/forwarding`;

/** Those of the interfaces that forward only because of builds, or will: what they forward is for us to limit. */
export async function closedByDefault(names: string[]): Promise<string[]> {
  const marked = await readdir(markers).catch(() => [] as string[]);
  const closed: string[] = [];
  for (const name of names) {
    if (marked.includes(name) || (await readFile(switchOf(name), 'utf8')).trim() === '0') closed.push(name);
  }
  return closed;
}

/** Opens interfaces of the host; the caller holds a slot, so that nobody closes them again before it is given back. */
export async function openForwarding(names: string[]): Promise<void> {
  await exclusively(async () => {
    await mkdir(markers, { recursive: true, mode: 0o700 });
    for (const name of names) {
      if ((await readFile(switchOf(name), 'utf8')).trim() !== '0') continue;
      await writeFile(join(markers, name), '');
      await writeFile(switchOf(name), '1');
    }
  });
}

/** Gives a slot back; the last one closes what was opened. */
export async function releaseSlotAndForwarding(slot: Slot): Promise<void> {
  await exclusively(async () => {
    await releaseSlot(slot);
    await closeUnused();
  });
}

/** Gives an uplink back; the last one closes what was opened. */
export async function releaseUplinkAndForwarding(uplink: Uplink): Promise<void> {
  await exclusively(async () => {
    await releaseUplink(uplink);
    await closeUnused();
  });
}

async function closeUnused(): Promise<void> {
  if ((await heldSlots()).length > 0 || (await heldUplinks()).length > 0) return;
  for (const name of await readdir(markers).catch(() => [] as string[])) {
    await writeFile(switchOf(name), '0').catch(() => {}); // the interface may be gone
    await rm(join(markers, name), { force: true });
  }
}

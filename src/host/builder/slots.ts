import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What one build takes from the host as a whole: a range of 65536 uids, an interface name, a pair of addresses, an
 * nftables table. Several daemons on one host share them, so every taken slot is a file in /run that names its owner.
 */
export interface Slot {
  readonly number: number;
  /** First host uid and gid of the range; the sandbox's 0. */
  readonly firstUid: number;
  /** The host's end of the pair of interfaces. */
  readonly interfaceName: string;
  /** IPv4 address of the host's end: the sandbox's default route. */
  readonly gateway: string;
  /** IPv4 address of the sandbox, in the same /30. */
  readonly address: string;
  /** Name of the nftables table (family inet). */
  readonly table: string;
}

/** Who holds a slot. `startTime` tells a process from a later one with the same pid. */
export interface SlotOwner {
  pid: number;
  startTime: string;
  /** Scratch directory of the builder that holds it, removed with it by the sweep. */
  scratch: string;
}

/** Gone after a reboot, like everything that a slot stands for. */
export const slotDirectory = '/run/squib/builder';

/** Ranges 100000–689823; above them start the uids of MicroVMs. Number 0 is the range of base image pulls. */
const slotCount = 8;

/** Uid range in which base images are unpacked (never together with a RUN step). */
export const pullUids = 100_000;

export function slotAt(number: number): Slot {
  return {
    number,
    firstUid: pullUids + number * 65_536,
    interfaceName: `sqb${number}`,
    gateway: `169.254.32.${number * 4 + 1}`,
    address: `169.254.32.${number * 4 + 2}`,
    table: `squib_build_${number}`,
  };
}

/** Takes a free slot, waiting for one while all are held. */
export async function takeSlot(scratch: string, signal: AbortSignal): Promise<Slot> {
  await mkdir(slotDirectory, { recursive: true, mode: 0o700 });
  return withDraft(scratch, async (draft) => {
    for (;;) {
      for (let number = 1; number <= slotCount; number++) {
        signal.throwIfAborted();
        if (await claim(draft, slotFile(number))) return slotAt(number);
      }
      await delay(200, undefined, { signal });
    }
  });
}

/** Runs something while no build runs on this host and none can start, waiting for those that do. */
export async function whileNothingIsBuilt<T>(action: () => Promise<T>): Promise<T> {
  await mkdir(slotDirectory, { recursive: true, mode: 0o700 });
  const taken: Slot[] = [];
  try {
    // In order: two who wait here cannot wait for each other.
    await withDraft('', async (draft) => {
      for (let number = 1; number <= slotCount; number++) {
        while (!(await claim(draft, slotFile(number)))) await delay(200);
        taken.push(slotAt(number));
      }
    });
    return await action();
  } finally {
    for (const slot of taken) await releaseSlot(slot);
  }
}

/** A squib's wire between the host and the namespace of its MicroVMs; lives as long as the data directory's MicroVMs do. */
export interface Uplink {
  readonly number: number;
  /** The host's end. */
  readonly interfaceName: string;
  readonly gateway: string;
  /** The namespace's end, in the same /30. */
  readonly address: string;
  /** Name of the nftables table (family inet) on the host. */
  readonly table: string;
}

const uplinkCount = 64;

export function uplinkAt(number: number): Uplink {
  return {
    number,
    interfaceName: `sqbm${number}`,
    gateway: `169.254.33.${number * 4 + 1}`,
    address: `169.254.33.${number * 4 + 2}`,
    table: `squib_microvms_${number}`,
  };
}

/** The uplink of a data directory; the same one for as long as it is held. */
export async function claimUplink(dataDir: string): Promise<Uplink> {
  await mkdir(slotDirectory, { recursive: true, mode: 0o700 });
  const held = (await heldUplinks()).find(({ owner }) => owner.scratch === dataDir);
  if (held) return held.uplink;
  return withDraft(dataDir, async (draft) => {
    for (let number = 0; number < uplinkCount; number++) {
      if (await claim(draft, uplinkFile(number))) return uplinkAt(number);
    }
    throw new Error(`${uplinkCount} squibs have a network on this host already`);
  });
}

export async function releaseUplink(uplink: Uplink): Promise<void> {
  await rm(uplinkFile(uplink.number), { force: true });
}

/** All uplinks that are held; `owner.scratch` is the data directory. */
export async function heldUplinks(): Promise<{ uplink: Uplink; owner: SlotOwner }[]> {
  const held: { uplink: Uplink; owner: SlotOwner }[] = [];
  for (const name of await readdir(slotDirectory).catch(() => [] as string[])) {
    const number = /^uplink-(\d+)\.json$/.exec(name)?.[1];
    if (number === undefined) continue;
    const text = await readFile(join(slotDirectory, name), 'utf8').catch(() => undefined);
    if (text !== undefined)
      held.push({ uplink: uplinkAt(Number(number)), owner: JSON.parse(text) as SlotOwner });
  }
  return held;
}

/** Runs something that no two builders of this host may do at once. The lock of a killed one is broken. */
export async function exclusively<T>(action: () => Promise<T>): Promise<T> {
  await mkdir(slotDirectory, { recursive: true, mode: 0o700 });
  const lock = join(slotDirectory, 'lock.json');
  await withDraft('', async (draft) => {
    while (!(await claim(draft, lock))) {
      const text = await readFile(lock, 'utf8').catch(() => undefined);
      if (text !== undefined && !(await isAlive(JSON.parse(text) as SlotOwner)))
        await rm(lock, { force: true });
      else await delay(10);
    }
  });
  try {
    return await action();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Gives a slot back; everything that it stands for has been removed by then. */
export async function releaseSlot(slot: Slot): Promise<void> {
  await rm(slotFile(slot.number), { force: true });
}

/** All slots that are held, with their owners. */
export async function heldSlots(): Promise<{ slot: Slot; owner: SlotOwner }[]> {
  const held: { slot: Slot; owner: SlotOwner }[] = [];
  const names = await readdir(slotDirectory).catch(() => [] as string[]);
  for (const name of names) {
    const number = /^slot-(\d+)\.json$/.exec(name)?.[1];
    if (number === undefined) continue;
    const text = await readFile(join(slotDirectory, name), 'utf8').catch(() => undefined);
    if (text !== undefined) held.push({ slot: slotAt(Number(number)), owner: JSON.parse(text) as SlotOwner });
  }
  return held;
}

/** Whether the process that took the slot still runs. */
export async function isAlive(owner: Pick<SlotOwner, 'pid' | 'startTime'>): Promise<boolean> {
  return (await startTime(owner.pid)) === owner.startTime;
}

/** `PID-STARTTIME` of this process, for names of files that are its own. */
export async function processIdentity(): Promise<string> {
  return `${process.pid}-${await startTime(process.pid)}`;
}

/** Writes a file that says who we are, ready to be linked to the name of what we want. */
async function withDraft<T>(scratch: string, use: (draft: string) => Promise<T>): Promise<T> {
  const owner: SlotOwner = { pid: process.pid, startTime: (await startTime(process.pid)) ?? '', scratch };
  const draft = join(slotDirectory, `draft-${randomUUID()}`);
  await writeFile(draft, JSON.stringify(owner));
  try {
    return await use(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/** `link` fails when the name is taken, and the file has its content from the first moment. */
async function claim(draft: string, name: string): Promise<boolean> {
  try {
    await link(draft, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

const uplinkFile = (number: number) => join(slotDirectory, `uplink-${number}.json`);

const slotFile = (number: number) => join(slotDirectory, `slot-${number}.json`);

/** Field 22 of /proc/PID/stat: clock ticks since boot at which the process started; undefined when it has ended. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

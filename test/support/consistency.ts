import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMicrovmsCommand, type MicrovmItem } from '@aws-sdk/client-lambda-microvms';
import { isAlive } from './microvms.ts';
import type { TestSquib } from './squib.ts';
import { processesOf } from './squib-processes.ts';

export async function listAll(squib: TestSquib): Promise<MicrovmItem[]> {
  const all: MicrovmItem[] = [];
  let nextToken: string | undefined;
  do {
    const page = await squib.clients.microvms.send(new ListMicrovmsCommand({ nextToken }));
    all.push(...(page.items ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return all;
}

/** Waits until no MicroVM is on its way from one state to another. */
export async function calm(squib: TestSquib): Promise<MicrovmItem[]> {
  for (;;) {
    const all = await listAll(squib);
    const steady = all.every(({ state = '' }) => ['RUNNING', 'SUSPENDED', 'TERMINATED'].includes(state));
    if (steady) return all;
    await sleep(20);
  }
}

/** Process ids of the QEMUs that run for the MicroVMs of a squib. */
export function machinesOf(squib: TestSquib, which?: 'with standbys'): number[] {
  const folder = which === undefined ? squib.layout.microvms : squib.config.dataDir;
  return processesOf(folder).filter((pid) => {
    try {
      return isAlive(pid) && readlinkSync(`/proc/${pid}/exe`).includes('qemu-system');
    } catch {
      return false;
    }
  });
}

/**
 * Files, pipes and local sockets that a process has open. Not its TCP connections: they are the clients', which keep
 * them as long as they like.
 */
export function openFiles(pid: number): number {
  const local = new Set(
    readFileSync(`/proc/${pid}/net/unix`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/ +/)[6]),
  );
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined || local.has(inode);
    } catch {
      return false; // closed while we looked
    }
  }).length;
}

/** Resident memory of a process in KiB. */
export const residentKiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const mountsIn = (folder: string) =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));

/** Network interfaces are given back a moment after a MicroVM was suspended; then only those that run have one. */
async function assertWires(squib: TestSquib, running: string[]): Promise<void> {
  const { networks } = squib.layout;
  const wired = () =>
    Object.keys(existsSync(networks) ? JSON.parse(readFileSync(networks, 'utf8')) : {}).filter(
      (id) => !id.startsWith('standby-'),
    );
  for (const end = Date.now() + 60_000; Date.now() < end && wired().length > running.length; )
    await sleep(20);
  assert.deepEqual(wired().sort(), running.sort(), `wires\n${squib.log.slice(-3000)}`);
}

/**
 * Compares what the API says with processes and files, when nothing is under way.
 * @throws AssertionError when a state is not what is there, or something is there that belongs to no MicroVM
 */
export async function assertConsistent(squib: TestSquib): Promise<void> {
  const all = await calm(squib);
  const problem = () => `\n${squib.log.slice(-3000)}`;
  const alive = all.filter(({ state }) => state !== 'TERMINATED');
  const folders = new Set(readdirSync(squib.layout.microvms));
  assert.deepEqual(folders, new Set(alive.map(({ microvmId }) => microvmId)), `folders${problem()}`);
  const expected: number[] = [];
  for (const { microvmId = '', state } of alive) {
    const dir = squib.layout.microvm(microvmId);
    const saved = existsSync(join(dir, 'suspended', 'manifest.json'));
    assert.equal(saved, state === 'SUSPENDED', `saved state of ${microvmId}, which is ${state}${problem()}`);
    if (state === 'RUNNING') expected.push(Number(readFileSync(join(dir, 'pid'), 'utf8').split(' ')[0]));
  }
  assert.deepEqual(machinesOf(squib).sort(), expected.sort(), `processes${problem()}`);
  const running = alive.flatMap(({ microvmId, state }) => (state === 'RUNNING' ? (microvmId ?? []) : []));
  await assertWires(squib, running);
  assert.deepEqual(mountsIn(squib.config.dataDir), [], 'mounts');
}

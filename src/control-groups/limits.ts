import type { Controller } from './layout.ts';

/** What the processes of a group may use together; what is absent is not limited. */
export interface Limits {
  /** Processors' worth of time. */
  processors?: number;
  /** Share of processors that are wanted by others too; an ordinary process has 1. */
  share?: number;
  memoryBytes?: number;
  /** Processes and threads. */
  processes?: number;
  disk?: { /** `MAJOR:MINOR` */ device: string; bytesPerSecond: number };
}

/** Microseconds; the kernel's own default. */
const period = 100_000;
const between = (lowest: number, number: number, highest: number) =>
  Math.round(Math.min(highest, Math.max(lowest, number)));

/** One file of a group and what is written into it. */
export type Setting = [file: string, value: string];

/** Files by controller and version of control groups, in the order in which they are written. */
export function settings(limits: Limits, controller: Controller, version: 1 | 2): Setting[] {
  const { processors, share, memoryBytes, processes, disk } = limits;
  const quota = processors !== undefined && Math.max(1000, Math.round(processors * period));
  switch (controller) {
    case 'cpu':
      if (version === 2)
        return [
          ...(quota ? [['cpu.max', `${quota} ${period}`] as Setting] : []),
          ...(share ? [['cpu.weight', `${between(1, share * 100, 10_000)}`] as Setting] : []),
        ];
      return [
        ...(quota ? [['cpu.cfs_quota_us', `${quota}`] as Setting] : []),
        ...(share ? [['cpu.shares', `${between(2, share * 1024, 262_144)}`] as Setting] : []),
      ];
    case 'memory': {
      if (memoryBytes === undefined) return [];
      const value = String(memoryBytes);
      // Swapped or not, it is no more in all (version 1), or twice (version 2, which counts swap apart).
      return version === 2
        ? [
            ['memory.max', value],
            ['memory.swap.max', value],
            ['memory.oom.group', '1'],
          ]
        : [
            ['memory.memsw.limit_in_bytes', '-1'], // it must never be less than the other
            ['memory.limit_in_bytes', value],
            ['memory.memsw.limit_in_bytes', value],
          ];
    }
    case 'pids':
      return processes === undefined ? [] : [['pids.max', String(processes)]];
    case 'io': {
      if (!disk) return [];
      const { device, bytesPerSecond: rate } = disk;
      return version === 2
        ? [['io.max', `${device} rbps=${rate} wbps=${rate}`]]
        : [
            ['blkio.throttle.read_bps_device', `${device} ${rate}`],
            ['blkio.throttle.write_bps_device', `${device} ${rate}`],
          ];
    }
  }
}

/** The file without which a controller limits nothing. */
export const essential: Record<Controller, Record<1 | 2, string>> = {
  cpu: { 1: 'cpu.cfs_quota_us', 2: 'cpu.max' },
  memory: { 1: 'memory.limit_in_bytes', 2: 'memory.max' },
  pids: { 1: 'pids.max', 2: 'pids.max' },
  io: { 1: 'blkio.throttle.read_bps_device', 2: 'io.max' },
};

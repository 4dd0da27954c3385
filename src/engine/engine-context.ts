import type { Log } from '../log/log.ts';
import type { Circumstances } from './fit.ts';
import type { MachineGroups } from './machine-limits.ts';
import type { Prefetcher } from './prefetch.ts';

/** What every verb of the engine needs to know. */
export interface EngineContext {
  readonly cacheDir: string;
  readonly accelerator: 'kvm' | 'tcg';
  /** What its snapshots are made with, and what others must fit. */
  readonly circumstances: Circumstances;
  readonly log: Log;
  readonly prefetcher: Prefetcher;
  /** Absent: machines use what they want. */
  readonly groups?: MachineGroups;
  /** What a guest may write to its disk; 0 is no limit. Reading is limited by the machine's control group. */
  readonly diskBytesPerSecond: number;
}

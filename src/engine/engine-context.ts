import type { Log } from '../log/log.ts';
import type { Circumstances } from './fit.ts';

/** What every verb of the engine needs to know. */
export interface EngineContext {
  readonly cacheDir: string;
  readonly accelerator: 'kvm' | 'tcg';
  /** What its snapshots are made with, and what others must fit. */
  readonly circumstances: Circumstances;
  readonly log: Log;
}

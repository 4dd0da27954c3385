import type { Log } from '../log/log.ts';

/** What every verb of the engine needs to know. */
export interface EngineContext {
  readonly cacheDir: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly log: Log;
}

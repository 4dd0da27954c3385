import type { Timer } from '../clock.ts';
import type { Ground } from '../context.ts';
import type { MicrovmActor } from '../microvms/microvm-actor.ts';
import { type ActivityPolicy, activityPolicyOf, watches } from './activity-policy.ts';

/** How often MicroVMs are looked at whose policy wants it; the shortest idle duration is six times as long. */
const lookMs = 10_000;

/** What a MicroVM had used at one look. */
interface Sample {
  at: number;
  cpuSeconds: number;
  egressBytes: number;
}

/**
 * Looks at what MicroVMs use of their host and touches those that are active by their activity policy. Nothing runs
 * as long as there is no such policy.
 */
export class ActivityWatch {
  readonly #ground: Ground;
  readonly #actors: () => Iterable<MicrovmActor>;
  readonly #stopped: AbortSignal;
  readonly #samples = new Map<string, Sample>();
  #timer: Timer | undefined;

  constructor(ground: Ground, actors: () => Iterable<MicrovmActor>, stopped: AbortSignal) {
    this.#ground = ground;
    this.#actors = actors;
    this.#stopped = stopped;
    stopped.addEventListener('abort', () => this.#timer?.cancel(), { once: true });
  }

  /** To be called whenever there may be a policy where there was none. */
  wake(): void {
    const { store, config } = this.#ground;
    const wanted = watches(config.activity) || store.activityPolicies.all().some(watches);
    if (!wanted) this.#samples.clear();
    if (!wanted || this.#timer !== undefined || this.#stopped.aborted) return;
    this.#timer = this.#ground.clock.setTimer(lookMs, () => {
      void this.#look().finally(() => {
        this.#timer = undefined;
        this.wake();
      });
    });
  }

  async #look(): Promise<void> {
    const watched = new Set<string>();
    const looks = [...this.#actors()].map(async (actor) => {
      const { row } = actor;
      if (row.state !== 'RUNNING' || row.maxIdleSeconds === null) return;
      const policy = activityPolicyOf(this.#ground, row);
      if (!watches(policy)) return;
      watched.add(row.id);
      if (await this.#active(row.id, policy)) actor.touch();
    });
    for (const look of await Promise.allSettled(looks)) {
      if (look.status === 'rejected') this.#ground.log.warn('microvm.activity', { error: look.reason });
    }
    for (const id of this.#samples.keys()) if (!watched.has(id)) this.#samples.delete(id);
  }

  async #active(microvmId: string, policy: ActivityPolicy): Promise<boolean> {
    const { host, clock } = this.#ground;
    const usage = await host.usage(microvmId);
    if (usage === undefined) return false;
    const egressBytes = usage.egressReceivedBytes + usage.egressSentBytes;
    const now: Sample = { at: clock.now(), cpuSeconds: usage.cpuSeconds, egressBytes };
    const before = this.#samples.get(microvmId);
    this.#samples.set(microvmId, now);
    if (before === undefined) return false;
    const seconds = (now.at - before.at) / 1000;
    if (seconds <= 0) return false;
    const cpuPercent = (100 * (now.cpuSeconds - before.cpuSeconds)) / seconds;
    const bytesPerSecond = (now.egressBytes - before.egressBytes) / seconds;
    return (
      (policy.cpuPercent > 0 && cpuPercent >= policy.cpuPercent) ||
      (policy.egressBytesPerSecond > 0 && bytesPerSecond >= policy.egressBytesPerSecond)
    );
  }
}

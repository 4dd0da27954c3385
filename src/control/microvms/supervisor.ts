import type { MicrovmRow } from '../../store/microvms.ts';
import { ActivityWatch } from '../activity/activity-watch.ts';
import type { Ground } from '../context.ts';
import { type Endpoint, type EndpointDirectory, EndpointUnavailable, endpointId } from '../endpoints.ts';
import { managedConnectorName } from '../managed-connectors.ts';
import { MicrovmActor } from './microvm-actor.ts';

/** Keeps one actor for every MicroVM that has not ended. */
export class MicrovmSupervisor implements EndpointDirectory {
  readonly #ground: Ground;
  readonly #stop = new AbortController();
  readonly #actors = new Map<string, MicrovmActor>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #activity: ActivityWatch;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#activity = new ActivityWatch(ground, () => this.#actors.values(), this.#stop.signal);
    ground.host.onExit((microvmId, reason) => {
      this.#actors.get(microvmId)?.exited(reason);
    });
  }

  /** The writer of a MicroVM; undefined when it has ended or never was. */
  actor(microvmId: string): MicrovmActor | undefined {
    return this.#actors.get(microvmId);
  }

  /** Starts a MicroVM that was just recorded. */
  launch(microvmId: string): void {
    const row = this.#ground.store.microvms.get(microvmId);
    if (row !== undefined) this.#watch(row).launch();
  }

  /** To be called when a policy was made that MicroVMs have to be watched for. */
  watchActivity(): void {
    this.#activity.wake();
  }

  /** Takes up every MicroVM in the store that has not ended; resolves after the host was asked about each. */
  async recover(): Promise<void> {
    this.#activity.wake();
    await Promise.all(this.#ground.store.microvms.alive().map((row) => this.#watch(row).recover()));
  }

  find(hostname: string): Endpoint | undefined {
    const id = endpointId(hostname);
    if (id === undefined) return undefined;
    const known = this.#endpoints.get(id);
    if (known !== undefined) return known;
    const row = this.#ground.store.microvms.byEndpoint(id);
    return row === undefined ? undefined : endpointOf(row);
  }

  takesTraffic(microvmId: string): boolean {
    return this.#actors.get(microvmId)?.takesTraffic() ?? false;
  }

  async acquire(microvmId: string, signal: AbortSignal): Promise<void> {
    const actor = this.#actors.get(microvmId);
    if (actor !== undefined) return actor.acquire(signal);
    const known = this.#ground.store.microvms.get(microvmId) !== undefined;
    throw new EndpointUnavailable(known ? 'terminated' : 'unknown');
  }

  touch(microvmId: string): void {
    this.#actors.get(microvmId)?.touch();
  }

  onEnd(microvmId: string, listener: () => void): () => void {
    const actor = this.#actors.get(microvmId);
    if (actor !== undefined) return actor.onEnd(listener);
    // It ended between the caller's acquire and now.
    queueMicrotask(listener);
    return () => {};
  }

  onSuspending(microvmId: string, listener: () => void): () => void {
    return this.#actors.get(microvmId)?.onSuspending(listener) ?? (() => {});
  }

  /** Resolves when nothing is being done for any MicroVM. */
  async settled(): Promise<void> {
    await Promise.all([...this.#actors.values()].map((actor) => actor.settled()));
  }

  /** Stops timers and turns waiting callers away; resolves when what the host was doing is done and recorded. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
  }

  /** The last MicroVM that was made of a checkpoint has ended: nobody can need it any more. */
  #releaseFork(forkPoint: string | null): void {
    const { store, host, log } = this.#ground;
    if (forkPoint === null || store.microvms.forkPoints().has(forkPoint)) return;
    // What cannot be removed now goes with the next start of squib.
    host.deleteFork(forkPoint).catch((error) => log.warn('fork.delete', { forkPoint, error }));
  }

  #watch(row: MicrovmRow): MicrovmActor {
    const actor = new MicrovmActor(this.#ground, row, this.#stop.signal, () => {
      this.#actors.delete(row.id);
      this.#endpoints.delete(row.endpointId);
      this.#releaseFork(row.forkPoint);
    });
    this.#actors.set(row.id, actor);
    this.#endpoints.set(row.endpointId, endpointOf(row));
    return actor;
  }
}

function endpointOf(row: MicrovmRow): Endpoint {
  const names = (JSON.parse(row.ingress) as string[]).map(managedConnectorName);
  return {
    microvmId: row.id,
    httpIngress: names.includes('HTTP_INGRESS') || names.includes('ALL_INGRESS'),
    shellIngress: names.includes('SHELL_INGRESS'),
  };
}

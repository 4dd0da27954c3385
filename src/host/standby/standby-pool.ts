import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { EgressOrder } from '../../control/host.ts';
import type { Log } from '../../log/log.ts';
import { makeStandby, removeStandby, type StandbyParts } from './make-standby.ts';
import type { Standby } from './standby.ts';

/** A start that was just made gets the processors first. */
const afterStartMs = 300;
/** How often age and the host's memory are looked at. */
const lookMs = 30_000;
/** Less free memory than this part of the host's, and there are no standbys. */
const memoryReserve = 0.1;

export interface StandbyPoolParts extends StandbyParts {
  log: Log;
  settings: Config['standby'];
}

interface Demand {
  snapshotDir: string;
  /** Of the last start; the next one's is probably the same. */
  egress: EgressOrder;
  lastStart: number;
  /** Ended when the version is forgotten. */
  forgotten: AbortController;
  /** A fault ends the demand until the next start. */
  making: Promise<void> | undefined;
}

/**
 * Keeps machines restored ahead for image versions that are in use: after a start, `perVersion` of them for as long as
 * the version is started again within `idleMinutes`, `total` on this host. They are nobody's: not counted, not shown,
 * ended whenever something else needs the memory, and by the next start of squib.
 */
export class StandbyPool {
  readonly #parts: StandbyPoolParts;
  readonly #ready = new Map<string, Standby>();
  readonly #demands = new Map<string, Demand>();
  /** Everything that has a folder: ready ones, ones being made, being taken and being removed. */
  readonly #known = new Set<string>();
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(parts: StandbyPoolParts) {
    this.#parts = parts;
    if (this.#size(parts.settings) === 0) return;
    this.#timer = setInterval(() => this.#lookAround(), lookMs).unref();
  }

  /** Ids of all that have a wire and a folder now. */
  get ids(): ReadonlySet<string> {
    return this.#known;
  }

  /** How many wait to be taken. */
  get ready(): number {
    return this.#ready.size;
  }

  /** A standby of that version, which is the caller's from now on; see {@link settle}. */
  take(version: string): Standby | undefined {
    for (const standby of this.#ready.values()) {
      if (standby.version !== version) continue;
      this.#ready.delete(standby.id);
      return standby;
    }
    return undefined;
  }

  /** To be called when a standby that was taken has become a MicroVM, or has failed to: nothing of it is left then. */
  async settle(standby: Standby, became: boolean): Promise<void> {
    if (!became) {
      await standby.machine.kill();
      await removeStandby(this.#parts, standby.id);
    }
    this.#known.delete(standby.id);
  }

  /** A MicroVM was started from this snapshot; others may follow. */
  started(version: string, snapshotDir: string, egress: EgressOrder): void {
    if (this.#size(this.#parts.settings) === 0 || this.#stop.signal.aborted) return;
    const known = this.#demands.get(version);
    const demand: Demand = known ?? {
      ...{ snapshotDir, egress, lastStart: 0, making: undefined },
      forgotten: new AbortController(),
    };
    Object.assign(demand, { snapshotDir, egress, lastStart: Date.now() });
    this.#demands.set(version, demand);
    demand.making ??= this.#fill(version, demand)
      .catch((error) => {
        if (!this.#stop.signal.aborted && !demand.forgotten.signal.aborted)
          this.#parts.log.warn('standby.failed', { version, error });
      })
      .finally(() => {
        demand.making = undefined;
      });
  }

  /** The version is about to be deleted: nothing may use its files any more. */
  async forget(version: string): Promise<void> {
    const { making, forgotten } = this.#demands.get(version) ?? {};
    forgotten?.abort();
    this.#demands.delete(version);
    await making;
    await this.#end([...this.#ready.values()].filter((standby) => standby.version === version));
  }

  /** Ends what an earlier run of squib left. */
  async sweep(): Promise<void> {
    const left = await readdir(this.#parts.layout.standby).catch(() => []);
    for (const id of left) if (!this.#known.has(id)) await removeStandby(this.#parts, id);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    await Promise.all([...this.#demands.values()].map(({ making }) => making));
    await this.#end([...this.#ready.values()]);
  }

  #size({ perVersion, total }: Config['standby']): number {
    return Math.min(perVersion, total);
  }

  async #fill(version: string, demand: Demand): Promise<void> {
    const { settings, log } = this.#parts;
    const signal = AbortSignal.any([this.#stop.signal, demand.forgotten.signal]);
    await sleep(afterStartMs, undefined, { signal, ref: false });
    const wanted = () => this.#demands.get(version) === demand && !this.#stop.signal.aborted;
    const there = () => [...this.#ready.values()].filter((standby) => standby.version === version).length;
    while (wanted() && there() < settings.perVersion && enoughMemory()) {
      if (this.#known.size >= settings.total && !(await this.#makeRoom(version))) return;
      const id = `standby-${randomUUID()}`;
      this.#known.add(id);
      const began = performance.now();
      const standby = await makeStandby(this.#parts, { id, version, ...demand, signal }).catch((error) => {
        this.#known.delete(id);
        throw error;
      });
      this.#keep(standby);
      log.info('standby.ready', {
        standby: id,
        version,
        milliseconds: Math.round(performance.now() - began),
      });
    }
  }

  #keep(standby: Standby): void {
    this.#ready.set(standby.id, standby);
    const lost = () => {
      // Taken or thrown away on purpose: then it is no longer among those that are ready.
      if (this.#ready.has(standby.id)) void this.#end([standby]);
    };
    void standby.machine.exited.then(lost);
    void standby.guest.closed.then(lost);
  }

  /** Gives up the standby whose version was started longest ago. @returns false when all are of this version */
  async #makeRoom(version: string): Promise<boolean> {
    const age = (standby: Standby) => this.#demands.get(standby.version)?.lastStart ?? 0;
    const others = [...this.#ready.values()].filter((standby) => standby.version !== version);
    const [oldest] = others.sort((one, other) => age(one) - age(other));
    if (oldest === undefined) return false;
    await this.#end([oldest]);
    return true;
  }

  #lookAround(): void {
    const limit = Date.now() - this.#parts.settings.idleMinutes * 60_000;
    for (const [version, { lastStart }] of this.#demands) {
      if (lastStart < limit || !enoughMemory()) void this.forget(version);
    }
  }

  async #end(standbys: Standby[]): Promise<void> {
    for (const { id } of standbys) this.#ready.delete(id);
    await Promise.all(
      standbys.map((standby) =>
        this.settle(standby, false).catch((error) =>
          this.#parts.log.error('standby.end', { standby: standby.id, error }),
        ),
      ),
    );
  }
}

const enoughMemory = () => freemem() > memoryReserve * totalmem();

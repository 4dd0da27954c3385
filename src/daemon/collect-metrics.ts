import { readdirSync } from 'node:fs';
import type { Host, UsageCounters } from '../control/host.ts';
import { metrics } from '../metrics/metrics.ts';
import type { BuildState, ImageState, MicrovmState, StateCount } from '../store/states.ts';
import type { Store } from '../store/store.ts';

const MIB = 1024 ** 2;
/** Dirty memory takes milliseconds for every GiB, so it is not looked at for everybody who asks. */
const dirtyMs = 60_000;

const microvmStates: readonly MicrovmState[] = [
  ...(['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'RESUMING', 'TERMINATING'] as const),
];
const imageStates: readonly ImageState[] = [
  ...(['CREATING', 'CREATED', 'CREATE_FAILED', 'UPDATING', 'UPDATED', 'UPDATE_FAILED'] as const),
  ...(['DELETING', 'DELETE_FAILED'] as const),
];
const buildStates: readonly BuildState[] = ['PENDING', 'IN_PROGRESS'];

export interface MetricsSources {
  store: Pick<Store, 'microvms' | 'images' | 'builds'>;
  host: Pick<Host, 'usage'> & { readonly standbys: number };
  memoryQuotaMiB: number;
  version: string;
  accelerator: string;
}

/** Fills in, for whoever asks for metrics, what is not counted as it happens. */
export class MetricsCollector {
  readonly #sources: MetricsSources;
  /** What each MicroVM had used when it was last looked at. */
  readonly #seen = new Map<string, UsageCounters>();
  /** MicroVMs that are older than this daemon: its counters begin with what they use from now on. */
  readonly #older: ReadonlySet<string>;
  #eventLoop = performance.eventLoopUtilization();
  #cpuSeconds = 0;
  #dirtyDue = 0;
  #collecting: Promise<void> | undefined;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#older = new Set(sources.store.microvms.alive().map(({ id }) => id));
    metrics.info.set(1, sources.version, sources.accelerator);
    metrics.processStart.set(Math.round(performance.timeOrigin / 1000));
  }

  /** One look serves all who ask meanwhile. */
  collect(): Promise<void> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async #collect(): Promise<void> {
    const { store, host, memoryQuotaMiB } = this.#sources;
    setStates(metrics.microvms, microvmStates, store.microvms.countByState());
    setStates(metrics.images, imageStates, store.images.countByState());
    setStates(metrics.builds, buildStates, store.builds.countByState());
    metrics.allocatedMemory.set(store.microvms.memoryInUse() * MIB);
    metrics.memoryQuota.set(memoryQuotaMiB * MIB);
    metrics.standbys.set(host.standbys);
    this.#process();
    await this.#usage();
  }

  #process(): void {
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    metrics.processCpu.add(cpuSeconds - this.#cpuSeconds);
    this.#cpuSeconds = cpuSeconds;
    const { rss, heapUsed } = process.memoryUsage();
    metrics.processResident.set(rss);
    metrics.heap.set(heapUsed);
    metrics.processFiles.set(readdirSync('/proc/self/fd').length);
    const eventLoop = performance.eventLoopUtilization();
    metrics.eventLoop.set(performance.eventLoopUtilization(eventLoop, this.#eventLoop).utilization);
    this.#eventLoop = eventLoop;
  }

  async #usage(): Promise<void> {
    const { store, host } = this.#sources;
    const withDirty = Date.now() >= this.#dirtyDue;
    if (withDirty) this.#dirtyDue = Date.now() + dirtyMs;
    const totals = { residentBytes: 0, ownBytes: 0, diskBytes: 0, dirtyBytes: 0 };
    const rows = store.microvms.alive();
    for (const { id } of rows) {
      const usage = await host.usage(id, { dirty: withDirty }).catch(() => undefined);
      // It has no machine yet, or ended under the look at it.
      if (usage === undefined) continue;
      totals.residentBytes += usage.residentBytes;
      totals.ownBytes += usage.ownBytes;
      totals.diskBytes += usage.diskBytes;
      totals.dirtyBytes += usage.dirtyBytes ?? 0;
      this.#count(id, usage);
    }
    metrics.residentMemory.set(totals.residentBytes);
    metrics.ownMemory.set(totals.ownBytes);
    metrics.disk.set(totals.diskBytes);
    if (withDirty) metrics.dirtyMemory.set(totals.dirtyBytes);
    const alive = new Set(rows.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!alive.has(id)) this.#seen.delete(id);
  }

  /** Adds what a MicroVM has used since the last look; a counter never goes back when a MicroVM ends. */
  #count(id: string, now: UsageCounters): void {
    const before = this.#seen.get(id);
    this.#seen.set(id, now);
    if (before === undefined && this.#older.has(id)) return;
    const since = (name: keyof UsageCounters) => Math.max(0, now[name] - (before?.[name] ?? 0));
    metrics.cpu.add(since('cpuSeconds'));
    metrics.egress.add(since('egressReceivedBytes'), 'received');
    metrics.egress.add(since('egressSentBytes'), 'sent');
    metrics.endpointBytes.add(since('endpointReceivedBytes'), 'received');
    metrics.endpointBytes.add(since('endpointSentBytes'), 'sent');
  }
}

/** States that nothing is in are zero, not absent. */
function setStates<State extends string>(
  gauge: (typeof metrics)['microvms'],
  states: readonly State[],
  counts: readonly StateCount<State>[],
): void {
  for (const state of states) gauge.set(counts.find((count) => count.state === state)?.n ?? 0, state);
}

import { type Duplex, PassThrough, Readable } from 'node:stream';
import type { Clock } from '../../../src/control/clock.ts';
import {
  BuildFailed,
  type BuildOrder,
  type CommandOrder,
  type CommandSession,
  type Host,
  MicrovmFailed,
  type MicrovmUsage,
  PortClosed,
  type Presence,
  type ShellSession,
  type SnapshotBuild,
  type StartOrder,
} from '../../../src/control/host.ts';

/** What is really there; it outlives every daemon. */
export class World {
  readonly microvms = new Map<string, 'running' | 'suspended'>();
  readonly versions = new Set<string>();
  readonly forkPoints = new Set<string>();
}

export type HostMethod = 'build' | 'deleteVersion' | 'start' | 'suspend' | 'resume' | 'terminate' | 'inspect';

/**
 * How one call goes: its effect comes after `before` ms, its answer `after` ms later.
 * `failed`: the MicroVM or build gives up, with AWS's sentence. `error`: nothing happens, and it says so.
 */
export interface Course {
  before: number;
  after: number;
  fault?: 'failed' | 'error';
}

const smooth: Course = { before: 10, after: 10 };

/** Injects time and faults where a machine would act. */
export class FaultyHost implements Host {
  readonly world: World;
  readonly calls: { method: HostMethod; order: StartOrder | BuildOrder | string }[] = [];
  /** Decides how the next call goes. */
  course: (method: HostMethod) => Course = () => smooth;
  #clock: Clock;
  #listeners: ((microvmId: string, reason: string) => void)[] = [];
  #dead = false;

  constructor(world: World, clock: Clock) {
    this.world = world;
    this.#clock = clock;
  }

  /** The daemon is gone: whatever was half done stays so, and nobody hears of it. */
  die(): void {
    this.#dead = true;
    this.#listeners = [];
  }

  count(method: HostMethod): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimer(milliseconds, () => {
        if (!this.#dead) resolve();
      });
    });
  }

  async #act(
    method: HostMethod,
    order: StartOrder | BuildOrder | string,
    effect: () => void,
    giveUp: () => never,
  ): Promise<void> {
    this.calls.push({ method, order });
    const { before, after, fault } = this.course(method);
    await this.#wait(before);
    if (fault === 'error') throw new Error(`no space left for ${method}`);
    if (fault === 'failed') giveUp();
    effect();
    await this.#wait(after);
  }

  #microvmFailed(order: StartOrder, hook: string): never {
    this.world.microvms.delete(order.microvmId);
    throw new MicrovmFailed(
      `${hook} lifecycle hook returned HTTP status 500. Please check your hook endpoint.`,
    );
  }

  async build(order: BuildOrder, signal: AbortSignal): Promise<SnapshotBuild> {
    const name = `${order.imageName}/${order.imageVersion}`;
    const built = this.#act(
      'build',
      order,
      () => this.world.versions.add(name),
      () => {
        throw new BuildFailed('The container image build failed.', { codeInstallSizeInBytes: 4096 });
      },
    );
    const cancelled = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('cancelled')), { once: true });
    });
    await Promise.race([built, cancelled]);
    return { memorySnapshotSizeInBytes: 8192, codeInstallSizeInBytes: 4096, diskSnapshotSizeInBytes: 12288 };
  }

  deleteVersion(imageName: string, imageVersion: string): Promise<void> {
    const name = `${imageName}/${imageVersion}`;
    return this.#act(
      'deleteVersion',
      name,
      () => this.world.versions.delete(name),
      () => {
        throw new Error('busy');
      },
    );
  }

  start(order: StartOrder): Promise<void> {
    this.world.microvms.delete(order.microvmId);
    return this.#act(
      'start',
      order,
      () => this.world.microvms.set(order.microvmId, 'running'),
      () => this.#microvmFailed(order, 'Run'),
    );
  }

  suspend(order: StartOrder): Promise<void> {
    return this.#act(
      'suspend',
      order,
      () => this.world.microvms.set(order.microvmId, 'suspended'),
      () => this.#microvmFailed(order, 'Suspend'),
    );
  }

  resume(order: StartOrder): Promise<void> {
    return this.#act(
      'resume',
      order,
      () => this.world.microvms.set(order.microvmId, 'running'),
      () => this.#microvmFailed(order, 'Resume'),
    );
  }

  async fork(_order: StartOrder, forkPoint: string): Promise<void> {
    await this.#wait(10);
    this.world.forkPoints.add(forkPoint);
  }

  async deleteFork(forkPoint: string): Promise<void> {
    this.world.forkPoints.delete(forkPoint);
  }

  terminate(order: StartOrder): Promise<void> {
    return this.#act(
      'terminate',
      order,
      () => this.world.microvms.delete(order.microvmId),
      () => {
        throw new Error('device busy');
      },
    );
  }

  async inspect(order: StartOrder): Promise<Presence> {
    this.calls.push({ method: 'inspect', order });
    if (this.course('inspect').fault !== undefined) throw new Error('cannot look');
    return this.world.microvms.get(order.microvmId) ?? 'gone';
  }

  async sweep(microvmIds: ReadonlySet<string>, versions: ReadonlySet<`${string}/${string}`>): Promise<void> {
    for (const id of [...this.world.microvms.keys()]) if (!microvmIds.has(id)) this.world.microvms.delete(id);
    for (const name of [...this.world.versions]) {
      if (!versions.has(name as `${string}/${string}`)) this.world.versions.delete(name);
    }
  }

  /** What the next looks at a MicroVM find. */
  readonly used = new Map<string, Partial<MicrovmUsage>>();

  async usage(microvmId: string): Promise<MicrovmUsage | undefined> {
    if (!this.world.microvms.has(microvmId)) return undefined;
    const endpoint = { endpointReceivedBytes: 0, endpointSentBytes: 0 };
    const egress = { egressReceivedBytes: 0, egressSentBytes: 0 };
    const own = { residentBytes: 0, ownBytes: 0, diskBytes: 0 };
    return { cpuSeconds: 0, ...endpoint, ...egress, ...own, ...this.used.get(microvmId) };
  }

  /** The main process of a running MicroVM ends. */
  exit(microvmId: string, code = 0): void {
    if (this.world.microvms.get(microvmId) !== 'running') return;
    this.world.microvms.delete(microvmId);
    for (const listener of this.#listeners) listener(microvmId, `Container Stopped with Exit Code: ${code}`);
  }

  onExit(listener: (microvmId: string, reason: string) => void): void {
    this.#listeners.push(listener);
  }

  dial(): Promise<Duplex> {
    return Promise.reject(new PortClosed('no network here'));
  }

  /** The command echoes its input and ends when that ends, or is given up. */
  async exec(_microvmId: string, { command }: CommandOrder): Promise<CommandSession> {
    const echo = new PassThrough();
    const ended = Promise.withResolvers<number | undefined>();
    echo.once('end', () => ended.resolve(Number(command[1] ?? 0)));
    echo.once('close', () => ended.resolve(undefined));
    const stderr = Readable.from([]);
    return {
      ...{ stdin: echo, stdout: echo, stderr, exited: ended.promise, resize: () => {} },
      signal: (number) => ended.resolve(128 + number),
      end: () => echo.destroy(),
    };
  }

  async readFiles(): Promise<Readable> {
    throw new Error('not simulated');
  }

  async writeFiles(): Promise<void> {
    throw new Error('not simulated');
  }

  openShell(): Promise<ShellSession> {
    return Promise.reject(new PortClosed('no shell here'));
  }
}

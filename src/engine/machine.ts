import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlGroup } from '../control-groups/control-group.ts';
import { MachineFailed } from './errors.ts';
import { type MachineRecord, machineFiles } from './machine-record.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Qmp } from './qmp.ts';

/** How much later than its control connection's end the end of a running QEMU may be noticed. */
const END_NOTICE_MS = 2000;

/** One virtual machine that has a process. */
export interface Machine {
  readonly id: string;
  readonly pid: number;
  /** Host user id that its process runs under. */
  readonly uid: number;
  readonly dir: string;
  /** What it was restored from; undefined while an image is built. */
  readonly snapshotDir: string | undefined;
  /** A raw byte stream to the guest agent; one at a time. Rejects when the machine is gone. */
  connectChannel(): Promise<Duplex>;
  /** Only of a booted machine: size of its memory, and how much of it was ever written, in bytes. */
  memory(): Promise<{ size: number; written: number }>;
  /** Lets the guest run. */
  run(): Promise<void>;
  /** Stops the guest's processors. */
  pause(): Promise<void>;
  /** Ends the process at once and waits until it is gone. May be called again. */
  kill(): Promise<void>;
  /** Resolves when the process is gone, whatever ended it. */
  readonly exited: Promise<{ reason: string }>;
}

const SHUTDOWN_REASONS: Record<string, string> = {
  'guest-reset': 'the guest kernel panicked or rebooted',
  'guest-shutdown': 'the guest powered off',
  'guest-panic': 'the guest kernel panicked',
};

export class QemuMachine implements Machine {
  readonly qmp: Qmp;
  readonly exited: Promise<{ reason: string }>;
  readonly #process: ProcessIdentity;
  #record: MachineRecord;
  #dir: string;
  #reason: string | undefined;

  /**
   * @param o.ended how a child of this process ended; absent for an adopted machine, whose end shows at its socket.
   * @param o.group removed with the machine.
   */
  constructor(
    dir: string,
    record: MachineRecord,
    process: ProcessIdentity,
    qmp: Qmp,
    o: { ended?: Promise<string>; group?: ControlGroup | undefined },
  ) {
    this.#dir = dir;
    this.#record = record;
    this.qmp = qmp;
    this.#process = process;
    qmp.onEvent(({ event, data }) => {
      if (event === 'SHUTDOWN') this.#reason ??= SHUTDOWN_REASONS[String(data?.reason)];
    });
    this.exited = (o.ended ?? this.#untilGone()).then(async (how) => {
      await qmp.closed;
      if (await o.group?.ranOutOfMemory())
        this.#reason ??= 'QEMU used more memory than it may, and the kernel ended it';
      await o.group?.remove();
      return { reason: this.#reason ?? `QEMU ${how}` };
    });
  }

  get record(): MachineRecord {
    return this.#record;
  }

  get dir(): string {
    return this.#dir;
  }

  /** Its files are elsewhere from now on. */
  moved(record: MachineRecord, dir: string): void {
    this.#record = record;
    this.#dir = dir;
  }

  get id(): string {
    return this.record.id;
  }

  get snapshotDir(): string | undefined {
    return this.record.snapshotDir;
  }

  /** That of its process, which may be older than the engine. */
  async qemuVersion(): Promise<string> {
    const { qemu } = (await this.qmp.execute('query-version')) as {
      qemu: { major: number; minor: number; micro: number };
    };
    return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
  }

  get uid(): number {
    return this.record.uid;
  }

  get pid(): number {
    return this.#process.pid;
  }

  connectChannel(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: machineFiles(this.dir).channel, allowHalfOpen: false });
      socket.once('error', (cause) => {
        reject(new MachineFailed(`The channel of ${this.id} cannot be opened: ${cause.message}`, { cause }));
      });
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        resolve(socket);
      });
    });
  }

  /**
   * Takes and leaves the channel once. State that was saved while somebody held it says "connected": QEMU would not
   * notice the next one to connect, and output that waited for the former one would block the port for good.
   */
  async clearChannel(): Promise<void> {
    const channel = await this.connectChannel();
    await new Promise((resolve) => channel.once('close', resolve).destroy());
  }

  async memory(): Promise<{ size: number; written: number }> {
    const { size, blocks } = await stat(machineFiles(this.dir).memory);
    return { size, written: blocks * 512 };
  }

  /** @throws MachineFailed, also with how the process ended, where it did */
  async run(): Promise<void> {
    try {
      await this.qmp.execute('cont');
    } catch (cause) {
      const reason = await this.lastWords(END_NOTICE_MS);
      throw reason === undefined
        ? cause
        : new MachineFailed(`${(cause as Error).message} ${reason}`, { cause });
    }
  }

  /** How the machine ended, which says more than what that interrupted; undefined where it has not ended within `ms`. */
  async lastWords(ms: number): Promise<string | undefined> {
    const left = new AbortController();
    const ended = await Promise.race([
      this.exited,
      sleep(ms, undefined, { signal: left.signal }).catch(() => undefined),
    ]);
    left.abort();
    return ended?.reason;
  }

  async pause(): Promise<void> {
    await this.qmp.execute('stop');
  }

  async kill(): Promise<void> {
    this.#reason ??= 'it was told to end';
    if (isAlive(this.#process)) process.kill(this.pid, 'SIGKILL');
    await this.exited;
  }

  /**
   * An adopted machine is no child, so the kernel sends no signal at its end; its socket closes. That happens a
   * moment before the process is gone, hence the short wait after it.
   */
  async #untilGone(): Promise<string> {
    await this.qmp.closed;
    // A live process without its control socket could be neither suspended nor paused: it is of no use.
    if (isAlive(this.#process)) process.kill(this.pid, 'SIGKILL');
    while (isAlive(this.#process)) await sleep(2);
    return 'ended';
  }
}

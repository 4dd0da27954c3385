import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { PortClosed, type ShellSession, type UsageCounters } from '../../control/host.ts';
import type { Machine } from '../../engine/engine.ts';
import type { ByteMeter } from '../../guest/byte-meter.ts';
import {
  type GuestConnection,
  type GuestNetwork,
  GuestPortClosed,
  GuestRequestFailed,
} from '../../guest/guest-connection.ts';
import type { LogWriter } from '../../store/log-store.ts';
import { lineSplitter } from '../log-lines.ts';
import type { GuestSide } from '../network/guest-networking.ts';
import { greet } from './greet.ts';
import { noUsage } from './usage-counters.ts';

/** Bytes of fresh entropy given to the guest after every restore; the kernel's pool holds 256 bits. */
const entropyBytes = 64;

/** A machine that runs together with the connection to its guest agent. */
export class LiveMicrovm {
  readonly machine: Machine;
  /** What it had used before its process started. */
  readonly earlier: UsageCounters;
  /** Counts what crosses the endpoint. */
  readonly endpoint: ByteMeter = { toGuest: 0, fromGuest: 0 };
  #guest: GuestConnection;
  readonly #logs: LogWriter | undefined;
  readonly #side: GuestSide | undefined;
  readonly #flushLines: (() => void)[] = [];
  #containerExit: ((code: number) => void)[] = [];

  private constructor(
    machine: Machine,
    guest: GuestConnection,
    logs: LogWriter | undefined,
    side: GuestSide | undefined,
    earlier: UsageCounters,
  ) {
    this.machine = machine;
    this.earlier = earlier;
    this.#guest = guest;
    this.#logs = logs;
    this.#side = side;
    this.#listen();
  }

  /**
   * Lets a paused or running machine go on and connects to its agent.
   * @param timeoutMs how long the agent may take to answer; a cold boot takes seconds, a restore milliseconds.
   */
  static async connect(
    machine: Machine,
    logs: LogWriter | undefined,
    timeoutMs: number,
    side?: GuestSide,
    earlier: UsageCounters = noUsage,
  ): Promise<LiveMicrovm> {
    return new LiveMicrovm(machine, await greet(machine, timeoutMs), logs, side, earlier);
  }

  /** A machine whose agent has been greeted; it may be paused, and then goes on. */
  static async from(
    { machine, guest }: { machine: Machine; guest: GuestConnection },
    logs: LogWriter | undefined,
    side?: GuestSide,
  ): Promise<LiveMicrovm> {
    await machine.run();
    return new LiveMicrovm(machine, guest, logs, side, noUsage);
  }

  get guest(): GuestConnection {
    return this.#guest;
  }

  #listen(): void {
    if (this.#side) this.#guest.onUpward(this.#side.onUpward);
    const sinks = { stdout: this.#lines(), stderr: this.#lines() };
    this.#guest.onOutput((stream, chunk) => sinks[stream].push(chunk));
    this.#guest.onContainerExit((code) => {
      for (const listener of this.#containerExit.splice(0)) listener(code);
    });
  }

  #lines() {
    const splitter = lineSplitter((line) => this.#logs?.write(line));
    this.#flushLines.push(splitter.flush);
    return splitter;
  }

  /** `listener` is called once, with the exit code of the container's main process (128 + signal). */
  onContainerExit(listener: (code: number) => void): void {
    this.#containerExit.push(listener);
  }

  /** Gives the guest its address, or takes it. */
  async setNetwork(): Promise<void> {
    await this.#guest.setNetwork(await this.#side?.network);
  }

  /**
   * Sets address, clock and entropy, drops outside connections, and only then lets the container run.
   * @param has the address that the guest has already, where that is known.
   */
  async awaken(has?: { network: GuestNetwork | undefined }): Promise<void> {
    const network = await this.#side?.network;
    const there = has !== undefined && isDeepStrictEqual(has.network, network);
    await Promise.all([
      there || this.#guest.setNetwork(network), // the agent does one after the other
      this.#guest.thaw({
        epochNanoseconds: BigInt(Date.now()) * 1_000_000n,
        entropy: randomBytes(entropyBytes),
        resetConnections: true,
      }),
    ]);
  }

  /** Takes over a machine that an earlier run of squib left: what it is connected to stays, unless it just came back. */
  async takeOver(): Promise<void> {
    if (this.#guest.frozen) await this.awaken();
    else await this.goOn();
  }

  /** Lets the container go on after a pause, with the right time and everything it was connected to. */
  async goOn(): Promise<void> {
    await this.#guest.thaw({
      epochNanoseconds: BigInt(Date.now()) * 1_000_000n,
      entropy: randomBytes(entropyBytes),
      resetConnections: false,
    });
  }

  /**
   * Freezes the container and leaves the channel, so that the machine may be saved. `asSnapshot`: what others begin
   * with has no address, and its free memory is empty; is told where that could not be done.
   */
  async quiesce(o: { asSnapshot?: (trouble: string) => void } = {}): Promise<void> {
    await this.#guest.freeze();
    if (o.asSnapshot) {
      await this.#guest.scrub(await this.machine.memory()).catch((error) => {
        if (!(error instanceof GuestRequestFailed)) throw error;
        o.asSnapshot?.(`freed memory is stored as it was left: ${error.message}`);
      });
      await this.#guest.takeAddress();
    }
    await this.#guest.close();
  }

  /** Undoes {@link quiesce} when the machine could not be saved. */
  async reconnect(timeoutMs: number): Promise<void> {
    this.#guest = await greet(this.machine, timeoutMs);
    this.#listen();
    await this.awaken();
  }

  /** @param meter counts what crosses the connection. */
  async dial(port: number, meter?: ByteMeter): Promise<Duplex> {
    try {
      return await this.#guest.dial(port, meter);
    } catch (error) {
      if (error instanceof GuestPortClosed) throw new PortClosed(`nobody listens on port ${port}`);
      throw error;
    }
  }

  async openShell(): Promise<ShellSession> {
    return this.#guest.openShell({ columns: 0, rows: 0 }, this.endpoint);
  }

  /** Writes what is left of the logs; to be called when the machine is gone. */
  async endLogs(): Promise<void> {
    for (const flush of this.#flushLines) flush();
    await this.#logs?.close();
  }

  async kill(): Promise<void> {
    await this.machine.kill();
    await this.endLogs();
  }
}

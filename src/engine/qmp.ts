import { connect, type Socket } from 'node:net';
import { MachineFailed } from './errors.ts';

/** Something that QEMU says unasked, for example `SHUTDOWN` or `MIGRATION`. */
export interface QmpEvent {
  event: string;
  data?: Record<string, unknown>;
}

interface Pending {
  command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** More than any answer to the commands used here; a QEMU that sends a longer line is not sane. */
const LONGEST_LINE = 1024 * 1024;

/**
 * QEMU's control connection. Commands may be sent before QEMU has even started up: they wait in the socket and
 * are answered in order, which saves a round trip for each.
 */
export class Qmp {
  /** Resolves when the connection is gone: QEMU ended, or {@link close} was called. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #pending: Pending[] = [];
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { command, reject } of this.#pending.splice(0))
          reject(new MachineFailed(`QEMU ended before it answered ${command}.`));
        resolve();
      });
    });
    socket.on('data', (text: string) => this.#take(text));
    // What matters of an error is that 'close' follows.
    socket.on('error', () => {});
    socket.setEncoding('utf8');
  }

  /** Connects and leaves capability negotiation behind. @throws the system's error when nobody listens at `path`. */
  static connect(path: string): Promise<Qmp> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        const qmp = new Qmp(socket);
        // A failure shows at the next command too, whose caller waits for it.
        qmp.execute('qmp_capabilities').catch(() => {});
        resolve(qmp);
      });
    });
  }

  /** @throws MachineFailed with QEMU's own words when the command fails or QEMU ends. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new MachineFailed(`QEMU is gone; it cannot be told ${command}.`));
        return;
      }
      this.#pending.push({ command, resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  /** @returns what ends the subscription. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#rest += text;
    for (let end = this.#rest.indexOf('\n'); end >= 0; end = this.#rest.indexOf('\n')) {
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      this.#takeLine(line);
    }
    if (this.#rest.length > LONGEST_LINE) this.#socket.destroy();
  }

  #takeLine(line: string): void {
    let message: { return?: unknown; error?: { desc?: string } } & Partial<QmpEvent>;
    try {
      message = JSON.parse(line);
    } catch {
      this.#socket.destroy();
      return;
    }
    if (message.event) {
      for (const listener of [...this.#listeners]) listener({ event: message.event, data: message.data });
    } else if (message.error) {
      const pending = this.#pending.shift();
      pending?.reject(new MachineFailed(`QEMU refused ${pending.command}: ${message.error.desc}`));
    } else if ('return' in message) {
      this.#pending.shift()?.resolve(message.return);
    }
  }
}

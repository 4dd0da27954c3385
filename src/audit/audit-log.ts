import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log/log.ts';
import type { AuditedCall } from './audited-call.ts';
import { cloudTrailEvent, type EventOptions } from './cloudtrail-event.ts';
import { RotatingFile } from './rotating-file.ts';

export interface AuditLogOptions extends EventOptions {
  /** `dataDir/audit`, made when needed with mode 0700. */
  folder: string;
  log: Log;
  /** Size at which `audit.jsonl` is put aside; 64 MiB unless told otherwise. */
  maxBytes?: number;
  /** Files kept beside the current one; 10 unless told otherwise. */
  keep?: number;
  /** Lines that wait for a slow or full disk, in bytes; beyond them calls are no longer recorded. 16 MiB. */
  maxWaiting?: number;
  /** Between two attempts on a disk that fails, in milliseconds. */
  retryMs?: number;
}

/** How long lines are gathered before they are written: a write for every call would cost more than answering it. */
const GATHER_MS = 20;
/** So many calls are gathered at most before they are put into words. */
const MOST_CALLS = 1000;
/** As much as one write takes; whole lines, so that a file is not much smaller or larger than it should be. */
const BATCH_BYTES = 1024 * 1024;

/**
 * The record of all calls: `audit.jsonl`, one CloudTrail event a line. `record` only keeps the call; it is put into words
 * and written a moment later, together with all that came meanwhile, which costs half of doing it call by call. A crash of squib can lose the lines of its last
 * moments, a failing disk those that memory has no room for; the log says when that begins and how many they were.
 */
export class AuditLog {
  readonly #options: Required<AuditLogOptions>;
  readonly #file: RotatingFile;
  /** Not in words yet. */
  #calls: AuditedCall[] = [];
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #failing = false;
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();
  /** Ends the gathering of lines early. */
  #hurry: (() => void) | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = {
      ...{ maxBytes: 64 * 1024 * 1024, keep: 10, maxWaiting: 16 * 1024 * 1024, retryMs: 1000 },
      ...options,
    };
    const { folder, maxBytes, keep } = this.#options;
    this.#file = new RotatingFile({ path: join(folder, 'audit.jsonl'), maxBytes, keep });
  }

  /** Never throws and never waits. */
  record(call: AuditedCall): void {
    this.#calls.push(call);
    if (this.#calls.length >= MOST_CALLS) this.#putIntoWords();
    this.#writing ??= this.#write();
  }

  /** Resolves when everything recorded so far is in the file (or was given up). */
  async flush(): Promise<void> {
    this.#hurry?.();
    await this.#writing;
  }

  /** Writes what waits, with one more attempt on a disk that fails. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#hurry?.();
    await this.#writing;
    await this.#file.close();
  }

  #putIntoWords(): void {
    const calls = this.#calls;
    this.#calls = [];
    const { log, folder, maxWaiting } = this.#options;
    for (const call of calls) {
      let line: Buffer;
      try {
        line = Buffer.from(`${JSON.stringify(cloudTrailEvent(call, this.#options))}\n`);
      } catch (error) {
        log.error('audit-record-failed', { requestId: call.requestId, error });
        continue;
      }
      if (this.#waitingBytes + line.length > maxWaiting) {
        if (this.#lost++ === 0) log.error('audit-lines-lost', { folder });
        continue;
      }
      this.#waiting.push(line);
      this.#waitingBytes += line.length;
    }
  }

  async #write(): Promise<void> {
    while (this.#calls.length > 0 || this.#waiting.length > 0) {
      await this.#gather();
      this.#putIntoWords();
      if (this.#waiting.length === 0) continue;
      const { lines, count } = this.#batch();
      try {
        await this.#file.write(lines);
      } catch (error) {
        await this.#failed(error);
        continue;
      }
      this.#waiting.splice(0, count);
      this.#waitingBytes -= lines.length;
      this.#recovered();
    }
    // In the same turn in which nothing was left, or a line that came just then would wait for the next one.
    this.#writing = undefined;
  }

  /** Waits for more lines, unless there is a batch already or somebody waits for them to be written. */
  async #gather(): Promise<void> {
    if (this.#waitingBytes >= BATCH_BYTES || this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#hurry = resolve;
      setTimeout(resolve, GATHER_MS);
    });
    this.#hurry = undefined;
  }

  #batch(): { lines: Buffer; count: number } {
    const most = Math.min(BATCH_BYTES, this.#options.maxBytes);
    let bytes = 0;
    let count = 0;
    for (const line of this.#waiting) {
      if (count > 0 && bytes + line.length > most) break;
      bytes += line.length;
      count++;
    }
    return { lines: Buffer.concat(this.#waiting.slice(0, count)), count };
  }

  /** Waits before the next attempt; when squib is about to end there is none. */
  async #failed(error: unknown): Promise<void> {
    const { log, folder, retryMs } = this.#options;
    if (!this.#failing) log.error('audit-write-failed', { folder, error });
    this.#failing = true;
    // What could not be written may fail to close as well; the lines are still in memory.
    await this.#file.close().catch(() => undefined);
    const { signal } = this.#closing;
    if (!signal.aborted) {
      await delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
      return;
    }
    log.error('audit-lines-lost', { folder, count: this.#lost + this.#waiting.length });
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #recovered(): void {
    if (!this.#failing && this.#lost === 0) return;
    const { log, folder } = this.#options;
    log.info('audit-writing-again', { folder, lost: this.#lost });
    this.#failing = false;
    this.#lost = 0;
  }
}

import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  type WriteStream,
  writeFileSync,
} from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from './durable-file.ts';

/** One line of a log stream. Times are epoch milliseconds. */
export interface LogEvent {
  timestamp: number;
  message: string;
}

/** An event with the bytes of its line in the stream's file: `start` inclusive, `end` exclusive. */
export interface PlacedEvent extends LogEvent {
  start: number;
  end: number;
}

/** Receives events of one stream in order. */
export interface LogWriter {
  write(message: string, timestamp?: number): void;
  /** Resolves when everything written is in the file. */
  close(): Promise<void>;
}

/** Is told of every event as it is written. */
export type LogListener = (group: string, stream: string, event: LogEvent) => void;

/** A piece of a stream: `next` continues after the last event, and is stable while nothing is added. */
export interface LogPage {
  events: PlacedEvent[];
  next: number;
}

/** Times are epoch milliseconds. */
export interface LogGroupInfo {
  name: string;
  createdAt: number;
  /** Absent: events are kept for ever. */
  retentionInDays?: number | undefined;
  tags?: Record<string, string>;
}

export interface LogStreamInfo {
  name: string;
  createdAt: number;
  lastEventAt: number;
  bytes: number;
}

/** Holds at least one event: 256 KiB of text, every character of it escaped by JSON. */
const pageBytes = 2 * 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

/** Names hold almost any character and up to 512 of them: readable where a file name can hold it, else hashed. */
function fileName(name: string): string {
  const encoded = encodeURIComponent(name);
  return encoded.length <= 200 ? encoded : `~${createHash('sha256').update(name).digest('hex')}`;
}

/**
 * Log groups and streams as files: `<folder>/<group>/<stream>.jsonl`, one event a line; the first line of a stream
 * and the file `group.json` carry the full names.
 */
export class LogStore {
  readonly #folder: string;
  readonly #listeners: readonly LogListener[];

  constructor(folder: string, listeners: readonly LogListener[] = []) {
    this.#folder = folder;
    this.#listeners = listeners;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Opens a stream for appending, creating group and stream where needed. */
  openStream(group: string, stream: string): LogWriter {
    const folder = join(this.#folder, fileName(group));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeOnce(join(folder, 'group.json'), `${JSON.stringify({ name: group, createdAt: Date.now() })}\n`);
    const path = join(folder, `${fileName(stream)}.jsonl`);
    writeOnce(path, `${JSON.stringify({ name: stream, createdAt: Date.now() })}\n`);
    const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    file.on('error', () => {}); // a full disk loses log lines, never a MicroVM (spec: iam… 4, silent loss)
    return {
      write: (message, timestamp = Date.now()) => {
        file.write(`${JSON.stringify({ timestamp, message })}\n`);
        for (const listen of this.#listeners) listen(group, stream, { timestamp, message });
      },
      close: () => closed(file),
    };
  }

  hasGroup(group: string): boolean {
    return existsSync(this.#groupFile(group));
  }

  /** What is known about a group beside its events; undefined when there is no such group. */
  group(group: string): LogGroupInfo | undefined {
    return this.hasGroup(group) ? JSON.parse(readFileSync(this.#groupFile(group), 'utf8')) : undefined;
  }

  /** Makes a group, or changes what is known about it. */
  putGroup(info: LogGroupInfo): void {
    mkdirSync(join(this.#folder, fileName(info.name)), { recursive: true, mode: 0o700 });
    writeFileDurably(this.#groupFile(info.name), `${JSON.stringify(info)}\n`, 0o600);
  }

  /** Removes a group with all its streams; what is still being written to one of them is lost. */
  async deleteGroup(group: string): Promise<void> {
    await rm(join(this.#folder, fileName(group)), { recursive: true, force: true });
  }

  /** @returns false when there is no such stream. */
  async deleteStream(group: string, stream: string): Promise<boolean> {
    const path = this.#streamFile(group, stream);
    if (!existsSync(path)) return false;
    await rm(path, { force: true });
    return true;
  }

  hasStream(group: string, stream: string): boolean {
    return existsSync(this.#streamFile(group, stream));
  }

  /**
   * Carries retention out: removes streams to which nothing was written for as many days as their group keeps events.
   * @param now epoch milliseconds
   */
  async sweep(now: number): Promise<void> {
    for (const { name, retentionInDays } of await this.groups()) {
      if (retentionInDays === undefined) continue;
      const oldest = now - retentionInDays * dayMs;
      for (const stream of (await this.streams(name)) ?? []) {
        if (stream.lastEventAt < oldest) await this.deleteStream(name, stream.name);
      }
    }
  }

  #groupFile(group: string): string {
    return join(this.#folder, fileName(group), 'group.json');
  }

  #streamFile(group: string, stream: string): string {
    return join(this.#folder, fileName(group), `${fileName(stream)}.jsonl`);
  }

  /** Full names of all groups, sorted. */
  async groups(): Promise<LogGroupInfo[]> {
    const folders = await readdir(this.#folder);
    const found = await Promise.all(
      folders.map(async (name): Promise<LogGroupInfo[]> => {
        const text = await readFile(join(this.#folder, name, 'group.json'), 'utf8').catch(
          ifMissing(undefined),
        );
        return text === undefined ? [] : [JSON.parse(text)];
      }),
    );
    return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Streams of a group, sorted by name; undefined when there is no such group. */
  async streams(group: string): Promise<LogStreamInfo[] | undefined> {
    const folder = join(this.#folder, fileName(group));
    const names = await readdir(folder).catch(ifMissing(undefined));
    if (names === undefined) return undefined;
    const streams = names
      .filter((name) => name.endsWith('.jsonl'))
      .map(async (name): Promise<LogStreamInfo> => {
        const path = join(folder, name);
        const { size, mtimeMs } = await stat(path);
        const file = await open(path);
        try {
          const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
          const head = JSON.parse(buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0] as string);
          return { ...head, lastEventAt: Math.trunc(mtimeMs), bytes: size };
        } finally {
          await file.close();
        }
      });
    return (await Promise.all(streams)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Reads complete lines from byte `from` (0: the beginning) up to one page.
   * Undefined when there is no such stream.
   */
  async read(group: string, stream: string, from: number): Promise<LogPage | undefined> {
    const path = join(this.#folder, fileName(group), `${fileName(stream)}.jsonl`);
    const file = await open(path).catch(ifMissing(undefined));
    if (file === undefined) return undefined;
    try {
      const buffer = Buffer.alloc(pageBytes);
      const { bytesRead } = await file.read(buffer, 0, pageBytes, from);
      const events: PlacedEvent[] = [];
      let start = 0;
      for (
        let end = buffer.indexOf(10) + 1;
        end > 0 && end <= bytesRead;
        end = buffer.indexOf(10, start) + 1
      ) {
        const line = JSON.parse(buffer.toString('utf8', start, end));
        if ('message' in line) events.push({ ...line, start: from + start, end: from + end });
        start = end;
      }
      return { events, next: from + start };
    } finally {
      await file.close();
    }
  }
}

function writeOnce(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

const ifMissing =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };

const closed = (file: WriteStream) =>
  new Promise<void>((resolve) => {
    file.once('close', resolve);
    file.end();
  });

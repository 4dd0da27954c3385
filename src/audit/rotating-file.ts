import { constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface RotatingFileOptions {
  path: string;
  /** The file is put aside before it grows beyond this. */
  maxBytes: number;
  /** How many files are kept beside the current one: `path.1` is the newest. */
  keep: number;
}

interface Open {
  handle: FileHandle;
  /** Where the next line goes: behind everything that was written whole. */
  size: number;
}

/** A file of lines, written by one writer at a time. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #open: Open | undefined;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** @param lines whole lines; all of them or (when it rejects) none count as written */
  async write(lines: Buffer): Promise<void> {
    let file = this.#open ?? (await this.#openFile());
    if (file.size > 0 && file.size + lines.length > this.#options.maxBytes) {
      await this.close();
      this.#rotate();
      file = await this.#openFile();
    }
    try {
      for (let done = 0; done < lines.length; ) {
        const { bytesWritten } = await file.handle.write(lines, done, lines.length - done, file.size + done);
        done += bytesWritten;
      }
    } catch (error) {
      // What got out of the lines goes again; where even that fails, the next start ends the broken line.
      await file.handle.truncate(file.size).catch(() => undefined);
      throw error;
    }
    file.size += lines.length;
  }

  async close(): Promise<void> {
    const file = this.#open;
    this.#open = undefined;
    if (file === undefined) return;
    try {
      await file.handle.datasync();
    } finally {
      await file.handle.close();
    }
  }

  async #openFile(): Promise<Open> {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      this.#open = { handle, size: await endOfLines(handle) };
      return this.#open;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #rotate(): void {
    const { path, keep } = this.#options;
    if (keep === 0) {
      rmSync(path, { force: true });
      return;
    }
    for (let number = keep - 1; number >= 1; number--) {
      if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    }
    renameSync(path, `${path}.1`);
  }
}

/** The end of the file; a line that a crash cut short is ended first, so that the next one is not lost with it. */
async function endOfLines(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  if (size === 0) return 0;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  if (last[0] === 10) return size;
  await handle.write(Buffer.from('\n'), 0, 1, size);
  return size + 1;
}

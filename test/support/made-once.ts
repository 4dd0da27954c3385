// What takes long to make and many files of tests need: made once in a run of the tests, for real, by who asks first.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDataDir } from '../../src/daemon/data-lock.ts';
import { SquibError } from '../../src/errors/squib-error.ts';

let own: string | undefined;

/** That of the run, which test/run.ts makes and removes; a file of tests that runs by itself has its own. */
function sharedFolder(): string {
  const { SQUIB_TESTS_SHARED: given } = process.env;
  if (given !== undefined) return given;
  if (own === undefined) {
    const folder = mkdtempSync('/tmp/squib-shared-');
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    own = folder;
  }
  return own;
}

/**
 * The folder that `make` filled. Others who ask for the same wait meanwhile; a process that dies while it makes it
 * leaves it to the next one. Nobody may change what is in it: take a copy.
 */
export async function madeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const place = join(sharedFolder(), name);
  mkdirSync(place, { recursive: true });
  const made = join(place, 'made');
  const lock = await lockOf(place);
  try {
    if (!existsSync(made)) {
      const folder = join(place, 'new');
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      await make(folder);
      renameSync(folder, made);
    }
    return made;
  } finally {
    lock.release();
  }
}

async function lockOf(folder: string): Promise<{ release(): void }> {
  for (;;) {
    try {
      return lockDataDir(folder);
    } catch (error) {
      if (!(error instanceof SquibError)) throw error;
      await sleep(100); // somebody makes it right now
    }
  }
}

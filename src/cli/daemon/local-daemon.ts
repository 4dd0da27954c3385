import { setTimeout as sleep } from 'node:timers/promises';
import { lockHolder } from '../../daemon/data-lock.ts';
import { SquibError } from '../../errors/squib-error.ts';

/** Stopping lets suspensions and builds that are under way end. */
const patienceMs = 120_000;
const pollMs = 100;

/** Process id of the daemon that works on a data directory; undefined when there is none. */
export const daemonPid = lockHolder;

/** Ends the daemon in order and waits for that; MicroVMs run on. @throws SquibError */
export async function stopDaemon(dataDir: string, pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    throw new SquibError(`squib (process ${pid}) is not yours to stop.`, 'Use sudo.', { cause: error });
  }
  const end = Date.now() + patienceMs;
  while (daemonPid(dataDir) === pid) {
    if (Date.now() > end) {
      throw new SquibError(
        `squib (process ${pid}) has not ended yet.`,
        "Look into its log, or ask again: 'squib status'.",
      );
    }
    await sleep(pollMs);
  }
}

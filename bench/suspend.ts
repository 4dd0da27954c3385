import { SuspendMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { bareRestore } from './floor.ts';
import { BenchLab, timed } from './lab.ts';
import { atMost, type BenchOptions, median, quantile, type Result } from './result.ts';

const tolerated = 256 * 1024;

/** SuspendMicrovm until SUSPENDED, what that writes, and the request that resumes. */
export async function bench({ quick, note }: BenchOptions): Promise<Result[]> {
  const lab = await BenchLab.open();
  try {
    const floors: number[] = [];
    const suspends: number[] = [];
    const resumes: number[] = [];
    const excess: number[] = [];
    const microvm = await lab.run();
    for (let round = -1; round < (quick ? 3 : 15); round++) {
      const bare = await bareRestore(lab.squib.config.cacheDir, lab.snapshotDir);
      await bare.end();
      const suspended = await timed(async () => {
        await lab.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }));
        await lab.until(microvm.id, 'SUSPENDED');
      });
      const resumed = await timed(() => microvm.request());
      if (round < 0) continue; // caches are cold, connections not open yet
      floors.push(bare.milliseconds);
      suspends.push(suspended);
      resumes.push(resumed);
      const { dirtyBytes, writtenBytes } = lab.lastLogged('microvm.suspended');
      excess.push((Number(writtenBytes) - tolerated) / Number(dirtyBytes));
      note(`dirty ${dirtyBytes}, written ${writtenBytes} bytes`);
    }
    await microvm.terminate();
    note(
      `suspend p90 ${quantile(suspends, 0.9).toFixed(0)}, resume p90 ${quantile(resumes, 0.9).toFixed(0)} ms`,
    );
    const ratio = median(excess);
    return [
      atMost('SuspendMicrovm to SUSPENDED, no hook', 'ms', median(suspends), median(floors), 0.4),
      {
        name: 'written by a suspend beyond 256 KiB, against dirty bytes',
        ...{ value: ratio, unit: '×', floor: 1, ratio, budget: '≤ 1.1', met: ratio <= 1.1 },
      },
      atMost('request to a suspended MicroVM to 200', 'ms', median(resumes), median(floors), 1.5),
    ];
  } finally {
    await lab.close();
  }
}

import { bareRestore } from './floor.ts';
import { BenchLab } from './lab.ts';
import { atMost, type BenchOptions, median, quantile, type Result } from './result.ts';

/** RunMicrovm until the first 200 through the endpoint, and a request to a suspended MicroVM until its 200. */
export async function bench({ quick, note }: BenchOptions): Promise<Result[]> {
  const lab = await BenchLab.open();
  try {
    const floors: number[] = [];
    const runs: number[] = [];
    for (let round = -1; round < (quick ? 3 : 15); round++) {
      const bare = await bareRestore(lab.squib.config.cacheDir, lab.snapshotDir);
      await bare.end();
      const start = performance.now();
      const microvm = await lab.run();
      const ran = performance.now() - start;
      await microvm.terminate();
      if (round < 0) continue; // caches are cold, connections not open yet
      floors.push(bare.milliseconds);
      runs.push(ran);
    }
    note(`floor p50 ${median(floors).toFixed(0)} p90 ${quantile(floors, 0.9).toFixed(0)} ms`);
    note(`run p50 ${median(runs).toFixed(0)} p90 ${quantile(runs, 0.9).toFixed(0)} ms`);
    return [atMost('RunMicrovm to first 200, no standby', 'ms', median(runs), median(floors), 1.3)];
  } finally {
    await lab.close();
  }
}

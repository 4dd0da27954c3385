import { bareRestore } from './floor.ts';
import { BenchLab, timed } from './lab.ts';
import { atMost, type BenchOptions, median, quantile, type Result } from './result.ts';

const noStandby = { perVersion: 0, total: 0, idleMinutes: 10 };
const oneStandby = { perVersion: 1, total: 4, idleMinutes: 10 };

/** RunMicrovm until the first 200 through the endpoint: from the snapshot, and with a standby ready. */
export async function bench({ quick, note }: BenchOptions): Promise<Result[]> {
  const lab = await BenchLab.open({ standby: noStandby });
  const rounds = quick ? 3 : 15;
  try {
    const cold = await measure(lab, rounds, async () => {});
    note(spread('floor', cold.floors));
    note(spread('from the snapshot', cold.runs));

    await lab.restart({ standby: oneStandby });
    await (await lab.run()).terminate();
    const ahead = await measure(lab, rounds, () => lab.untilStandby());
    note(spread('floor', ahead.floors));
    note(spread('from a standby', ahead.runs));
    const requests = await measureRequests(lab, rounds);
    note(spread('one request, MicroVM warm', requests));
    return [
      atMost('RunMicrovm to first 200, standby ready', 'ms', median(ahead.runs), median(ahead.floors), 0.2),
      atMost('RunMicrovm to first 200, no standby', 'ms', median(cold.runs), median(cold.floors), 1.3),
    ];
  } finally {
    await lab.close();
  }
}

async function measure(lab: BenchLab, rounds: number, prepare: () => Promise<void>) {
  const floors: number[] = [];
  const runs: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const bare = await bareRestore(lab.squib.config.cacheDir, lab.snapshotDir);
    await bare.end();
    await prepare();
    const start = performance.now();
    const microvm = await lab.run();
    const ran = performance.now() - start;
    await microvm.terminate();
    if (round < 0) continue; // caches are cold, connections not open yet
    floors.push(bare.milliseconds);
    runs.push(ran);
  }
  return { floors, runs };
}

/** What of every figure is TLS, token and tunnel, with nothing cold. */
async function measureRequests(lab: BenchLab, rounds: number): Promise<number[]> {
  const microvm = await lab.run();
  for (let warm = 0; warm < 5; warm++) await microvm.request();
  const requests: number[] = [];
  for (let round = 0; round < rounds; round++) requests.push(await timed(microvm.request));
  await microvm.terminate();
  return requests;
}

function spread(name: string, values: number[]): string {
  return `${name}: p50 ${median(values).toFixed(0)} p90 ${quantile(values, 0.9).toFixed(0)} ms`;
}

import { cpuSeconds } from './cpu.ts';
import { EndpointLab } from './endpoint-lab.ts';
import { throughMicrovm } from './endpoint-microvm.ts';
import { atLeast, atMost, type BenchOptions, median, quantile, type Result } from './result.ts';

const mebibyte = 1024 * 1024;

/**
 * The endpoint beside nginx: TLS, one core, the same application behind both, in turns. Rates are per second of the
 * server's processor time (kernel included), which a busy machine does not change; latencies are by the clock.
 */
export async function bench(options: BenchOptions): Promise<Result[]> {
  const { quick, note } = options;
  const lab = await EndpointLab.open(note);
  try {
    return [...rates(lab, quick, note), ...latency(lab, quick, note), ...(await throughMicrovm(options))];
  } finally {
    lab.close();
  }
}

function rates(lab: EndpointLab, quick: boolean, note: (line: string) => void): Result[] {
  // Short turns and many of them: a busy machine slows down whoever happens to have his turn.
  const rounds = quick ? 3 : 12;
  const requests = 5000;
  const size = 64;
  const bytes = `/bytes/${size * mebibyte}`;
  const upload = ['-n', '2', '-c', '1', '-d', lab.upload(size)];
  const measure = (name: string, unit: string, units: number, path: string, args: string[]) => {
    const found = { squib: [] as number[], nginx: [] as number[] };
    for (let round = -4; round < rounds; round++) {
      for (const server of ['squib', 'nginx'] as const) {
        const before = cpuSeconds(lab[server].pid);
        lab.load(lab[server], path, args);
        // The first rounds are for the compilers.
        if (round >= 0) found[server].push(units / (cpuSeconds(lab[server].pid) - before));
      }
    }
    note(
      `${name}: ${found.squib.map(Math.round).join(' ')}, nginx ${found.nginx.map(Math.round).join(' ')} ${unit}`,
    );
    return atLeast(`${name} (floor: nginx)`, unit, median(found.squib), median(found.nginx), 0.5);
  };
  const count = String(requests);
  return [
    measure('HTTP/1.1, 32 clients', '/core-s', requests, '/', ['--h1', '-n', count, '-c', '32']),
    measure('HTTP/2, 4 × 16 streams', '/core-s', requests, '/', ['-n', count, '-c', '4', '-m', '16']),
    measure('download', 'MiB/core-s', 2 * size, bytes, ['--h1', '-n', '2', '-c', '1']),
    measure('upload', 'MiB/core-s', 2 * size, '/', ['--h1', ...upload]),
    measure('download by HTTP/2', 'MiB/core-s', 2 * size, bytes, [
      ...['-n', '2', '-c', '1', '-w', '24', '-W', '26'],
    ]),
    measure('upload by HTTP/2', 'MiB/core-s', 2 * size, '/', upload),
  ];
}

/** What each proxy adds to a request that is alone: medians of what rounds of 500 requests have as p50 and p99. */
function latency(lab: EndpointLab, quick: boolean, note: (line: string) => void): Result[] {
  const names = ['bare', 'nginx', 'squib'] as const;
  const quantiles = [0.5, 0.99] as const;
  const found = { bare: both(), nginx: both(), squib: both() };
  for (let round = 0; round < (quick ? 4 : 24); round++) {
    for (const name of names) {
      const times = lab.latencies(lab[name], 500);
      for (const q of quantiles) found[name][q].push(quantile(times, q));
    }
  }
  for (const name of names) {
    const [p50, p99] = quantiles.map((q) => median(found[name][q]).toFixed(3));
    note(`${name}: p50 ${p50}, p99 ${p99} ms`);
  }
  const added = (name: 'nginx' | 'squib', q: (typeof quantiles)[number]) =>
    median(found[name][q]) - median(found.bare[q]);
  return [
    atMost('latency added, p50 (floor: nginx)', 'ms', added('squib', 0.5), added('nginx', 0.5), 2),
    atMost('latency added, p99 (floor: nginx)', 'ms', added('squib', 0.99), added('nginx', 0.99), 3),
  ];
}

const both = () => ({ 0.5: [] as number[], 0.99: [] as number[] });

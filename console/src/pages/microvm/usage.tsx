import { useEffect, useState } from 'react';
import { call, type Output } from '../../api/call.ts';
import { bytes } from '../../lib/format.ts';
import { Chart } from '../../ui/chart.tsx';
import { Panel } from '../../ui/page.tsx';

type Usage = Output<'GetMicrovmUsage'>;

interface Sample {
  /** Epoch seconds. */
  at: number;
  usage: Usage;
}

const EVERY_MS = 2000;
/** Ten minutes. */
const KEPT = 300;

/** What a MicroVM uses, from the moment on at which one looks. */
export function UsagePanel({ microvmId, ended }: { microvmId: string; ended: boolean }) {
  const samples = useSamples(microvmId, ended);
  const times = samples.map(({ at }) => at);
  const values = (of: (usage: Usage) => number) => samples.map(({ usage }) => of(usage));
  const rates = (of: (usage: Usage) => number) =>
    samples.map(({ at, usage }, index) => {
      const before = samples[index - 1];
      return before ? Math.max(0, (of(usage) - of(before.usage)) / (at - before.at)) : null;
    });
  const last = samples.at(-1)?.usage;
  return (
    <Panel title="Usage" actions={<span className="muted">{ended ? '' : 'live, every 2 s'}</span>}>
      {ended ? (
        <p className="panel-text muted">It has ended and uses nothing any more.</p>
      ) : (
        <div className="charts">
          <Chart
            title={`CPU${last?.vcpus === undefined ? '' : ` of ${last.vcpus} vCPU`}`}
            times={times}
            series={[{ name: 'used', color: '--chart-1', values: rates(({ cpuSeconds }) => cpuSeconds) }]}
            format={(cores) => `${Math.round(100 * cores)} %`}
            atLeast={0.1}
          />
          <Chart
            title="Memory"
            times={times}
            series={[
              { name: 'its own', color: '--chart-1', values: values(({ ownBytes }) => ownBytes) },
              { name: 'changed', color: '--chart-2', values: values(({ dirtyBytes = 0 }) => dirtyBytes) },
            ]}
            format={bytes}
            atLeast={32 * 1024 * 1024}
            binary
          />
          <Chart
            title="Network"
            times={times}
            series={[
              {
                name: 'in',
                color: '--chart-1',
                values: rates((usage) => usage.endpointReceivedBytes + usage.egressReceivedBytes),
              },
              {
                name: 'out',
                color: '--chart-2',
                values: rates((usage) => usage.endpointSentBytes + usage.egressSentBytes),
              },
            ]}
            format={(rate) => `${bytes(rate)}/s`}
            atLeast={1024}
            binary
          />
        </div>
      )}
    </Panel>
  );
}

function useSamples(microvmIdentifier: string, ended: boolean): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => {
    if (ended) return;
    const stop = new AbortController();
    const look = async () => {
      while (!stop.signal.aborted) {
        try {
          const usage = await call('GetMicrovmUsage', { microvmIdentifier }, stop.signal);
          const sample = { at: Date.now() / 1000, usage };
          setSamples((before) => [...before, sample].slice(-KEPT));
        } catch {
          // Between two states, or not permitted: a gap in the line says so.
        }
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    };
    void look();
    return () => stop.abort();
  }, [microvmIdentifier, ended]);
  return samples;
}

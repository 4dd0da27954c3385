import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  name: string;
  /** Name of a custom property of the style sheet. */
  color: string;
  /** One a moment; null where nothing was measured. */
  values: (number | null)[];
}

interface ChartProps {
  title: string;
  /** Epoch seconds. */
  times: number[];
  series: Series[];
  format(value: number): string;
  /** Least height of the scale, so that noise around nothing looks like nothing. */
  atLeast: number;
  /** Of bytes: the scale has steps of powers of two. */
  binary?: boolean;
}

const HEIGHT = 132;
const POWERS = Array.from({ length: 45 }, (_, power) => 2 ** power);

/** Of the moment that a line of the grid stands for, in epoch seconds. */
const clock = (seconds: number) =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });

/** Lines over time. The last values stand beside the title in words. */
export function Chart({ title, times, series, format, atLeast, binary = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const names = series.map(({ name, color }) => `${name}=${color}`).join();
  const formatNow = useRef(format);
  formatNow.current = format;
  // biome-ignore lint/correctness/useExhaustiveDependencies: values come by the next effect; this is for new lines
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        options(element, series, { atLeast, binary }, (value) => formatNow.current(value)),
        data(times, series),
        element,
      );
    };
    make();
    const resized = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    const theme = new MutationObserver(make);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      theme.disconnect();
      scheme.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, atLeast, binary]);
  useEffect(() => {
    plot.current?.setData(data(times, series));
  }, [times, series]);
  return (
    <figure className="chart">
      <figcaption>
        <strong>{title}</strong>
        {series.map(({ name, color, values }) => (
          <span key={name} className="legend">
            <span className={`swatch ${color.slice(2)}`} aria-hidden="true" />
            {name} <b>{shown(values.at(-1), format)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={box} className="plot" aria-hidden="true" />
    </figure>
  );
}

const shown = (value: number | null | undefined, format: (value: number) => string) =>
  value === null || value === undefined ? '–' : format(value);

const data = (times: number[], series: Series[]): uPlot.AlignedData => [
  times,
  ...series.map(({ values }) => values),
];

function options(
  element: HTMLElement,
  series: Series[],
  { atLeast, binary }: { atLeast: number; binary: boolean },
  format: (value: number) => string,
): uPlot.Options {
  const color = (name: string) => resolve(element, name);
  const axis = {
    stroke: color('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 4, 0, 0],
    scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.1, atLeast)] } },
    axes: [
      { ...axis, space: 70, size: 24, values: (_, ticks) => ticks.map(clock) },
      {
        ...axis,
        size: 62,
        space: 28,
        ...(binary && { incrs: POWERS }),
        values: (_, ticks) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...series.map(({ color: name }) => ({
        stroke: color(name),
        width: 1.75,
        points: { show: false },
      })),
    ],
  };
}

/** A colour of the style sheet as a canvas takes it. */
function resolve(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

import { UsageError } from './usage-error.ts';

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `5 minutes ago`, from a time as JSON has it. */
export function ago(time: string | number, now = Date.now()): string {
  return `${span((now - toEpoch(time)) / 1000)} ago`;
}

/** A duration in the largest unit that says enough: `45 s`, `3 min`, `2 h`, `5 days`. */
export function span(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 120) return `${rounded} s`;
  if (rounded < 2 * 3600) return `${Math.floor(rounded / 60)} min`;
  if (rounded < 48 * 3600) return `${Math.floor(rounded / 3600)} h`;
  return `${Math.floor(rounded / 86_400)} days`;
}

/** lambda-microvms sends epoch seconds, everything else ISO 8601. @returns epoch milliseconds */
export function toEpoch(time: string | number): number {
  return typeof time === 'number' ? time * 1000 : Date.parse(time);
}

/** `90`, `90s`, `10m`, `8h` or `2d` in seconds. @throws UsageError */
export function seconds(text: string): number {
  const [, number, unit = 's'] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`'${text}' is no duration; say 90s, 10m, 8h or 2d.`);
  return Number(number) * units[(unit || 's') as keyof typeof units];
}

/** A moment: ISO 8601, or so long ago (`10m`). @returns epoch milliseconds @throws UsageError */
export function moment(text: string, now = Date.now()): number {
  if (/^\d+[smhd]$/.test(text)) return now - seconds(text) * 1000;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`'${text}' is no time; say 10m, or 2027-01-31T12:00:00Z.`);
  return time;
}

/** Local time to the second. */
export function clockTime(time: string | number): string {
  const date = new Date(toEpoch(time));
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** `12.3 MiB` */
export function size(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${names[power]}`;
}

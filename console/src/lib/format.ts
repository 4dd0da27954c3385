const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** For example `1.4 GiB`. */
export function bytes(value: number): string {
  let [amount, unit] = [value, 0];
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  const digits = unit === 0 || amount >= 100 ? 0 : 1;
  return `${amount.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`;
}

/** Of MiB as settings and quotas count them. */
export const mib = (value: number): string => bytes(value * 1024 * 1024);

export const percent = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.min(100, (100 * part) / whole);

/** For example `2 h 5 min`; at most two units. */
export function duration(seconds: number): string {
  const parts: string[] = [];
  let left = Math.max(0, Math.round(seconds));
  for (const [name, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count} ${name}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** For example `3 min ago` or `in 2 h`. */
export function relative(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  if (Math.abs(seconds) < 5) return 'just now';
  const [first = ''] = duration(Math.abs(seconds)).split(/(?<=[a-z]) /);
  return seconds > 0 ? `${first} ago` : `in ${first}`;
}

export const absolute = (time: number): string =>
  new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** The last part of an ARN: `microvm-image:name` and `role/name` become `name`. */
export const arnName = (arn: string): string => /[^:/]*$/.exec(arn)?.[0] ?? arn;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

/** As much of an id as tells it from the others at a glance; the whole is shown on hover and copied. */
export const shortId = (id: string): string => /^(microvm-)?[0-9a-f]{8}-[0-9a-f]{4}/.exec(id)?.[0] ?? id;

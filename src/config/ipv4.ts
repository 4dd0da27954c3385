/** A network in CIDR form as a range of numbers. */
export interface Network {
  first: number;
  last: number;
}

/** An address as a number; undefined when the text is none. */
export function parseIPv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const parts = match?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatIPv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** `a.b.c.d/n`, or an address alone; undefined when the text is neither or has bits behind its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length = '32', ...rest] = text.split('/');
  const first = parseIPv4(address);
  if (first === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32)
    return undefined;
  const size = 2 ** (32 - Number(length));
  return first % size === 0 ? { first, last: first + size - 1 } : undefined;
}

export function contains(networks: readonly Network[], address: number): boolean {
  return networks.some(({ first, last }) => first <= address && address <= last);
}

/** What two networks have in common: the smaller one, or nothing. */
export function intersection(a: Network, b: Network): Network | undefined {
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  return first <= last ? { first, last } : undefined;
}

/** As nftables writes it. */
export function formatRange({ first, last }: Network): string {
  return first === last ? formatIPv4(first) : `${formatIPv4(first)}-${formatIPv4(last)}`;
}

import { formatIPv4, parseIPv4 } from '../../config/ipv4.ts';

/** 169.254.64.0/18 in pieces of four addresses: link-local, so that it collides with nobody's network. */
const first = parseIPv4('169.254.64.0')!;

/** How many MicroVMs of one squib may have a network card at once. */
export const wireCount = 4096;

/** What prefix the guest's address has. */
export const prefixLength = 30;

/** The same at the host's end of every wire, so that a guest that changes wires need not ask for it anew. */
const hardwareAddress = '02:73:71:75:69:67';

/** A TAP interface in squib's namespace with the addresses at its two ends. */
export interface Wire {
  readonly number: number;
  /** Name of the interface. */
  readonly name: string;
  /** The namespace's end: the guest's default route. */
  readonly gateway: string;
  /** The guest's end. */
  readonly address: string;
}

export function wireAt(number: number): Wire {
  const base = first + number * 4;
  return { number, name: `t${number}`, gateway: formatIPv4(base + 1), address: formatIPv4(base + 2) };
}

/** Input of `ip -batch` that makes wires and brings them up. Whoever opens one needs CAP_NET_ADMIN, as the jailer has. */
export function wireCommands(wires: readonly Wire[]): string {
  return wires
    .map(
      ({ name, gateway }) =>
        `tuntap add dev ${name} mode tap vnet_hdr\n` +
        `address add ${gateway}/${prefixLength} dev ${name}\n` +
        `link set ${name} address ${hardwareAddress} up\n`,
    )
    .join('');
}

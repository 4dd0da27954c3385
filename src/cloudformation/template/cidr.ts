import { formatIPv4, parseNetwork } from '../../config/ipv4.ts';

/**
 * The first `count` IPv4 networks in `block` with `bits` bits for hosts, as `Fn::Cidr` gives them: `8` makes /24.
 * Undefined when the block is no IPv4 network, or has no room for them.
 */
export function subnets(block: string, count: number, bits: number): string[] | undefined {
  const network = parseNetwork(block);
  const whole = Number.isInteger(count) && Number.isInteger(bits);
  if (!network || !whole || count < 1 || count > 256 || bits < 1 || bits > 32) return undefined;
  const size = 2 ** bits;
  if (network.first + count * size - 1 > network.last) return undefined;
  return Array.from({ length: count }, (_, i) => `${formatIPv4(network.first + i * size)}/${32 - bits}`);
}

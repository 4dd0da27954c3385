import type { PortSpecification } from '../../aws/models/lambda-microvms.ts';
import { badPort } from '../errors.ts';
import type { TokenPorts } from '../tokens.ts';

/**
 * The ports that a request names.
 * Decision C17: a range that runs backwards, a port outside 1–65535 and a specification with two members are refused.
 */
export function tokenPorts(specifications: readonly PortSpecification[]): TokenPorts {
  const ranges: { startPort: number; endPort: number }[] = [];
  let all = false;
  for (const specification of specifications) {
    const { port, range, allPorts } = specification;
    const members = [port, range, allPorts].filter((member) => member !== undefined && member !== null);
    if (members.length !== 1) throw badPort('each item must have exactly one of port, range and allPorts.');
    if (allPorts !== undefined) all = true;
    else if (range !== undefined) ranges.push(checkRange(range.startPort, range.endPort));
    else ranges.push(checkRange(port, port));
  }
  return all ? 'all' : ranges;
}

function checkRange(startPort: number, endPort: number): { startPort: number; endPort: number } {
  for (const port of [startPort, endPort]) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badPort(`${port} is not a port.`);
  }
  if (startPort > endPort) throw badPort(`startPort ${startPort} is greater than endPort ${endPort}.`);
  return { startPort, endPort };
}

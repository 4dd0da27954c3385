import type { Fields, Inbound } from '../inbound.ts';
import { marker } from '../subprotocols.ts';

/**
 * Fields of a 101 answer with the one subprotocol that the client may see: what the application selected of those
 * that were offered to it, else the marker if the client offered it (spec: networking-and-proxy 5.1).
 */
export function selectedProtocol(offered: Inbound['subprotocols'], answer: Fields): Fields {
  const fields: Fields = [];
  let selected: string | undefined;
  for (let at = 0; at < answer.length; at += 2) {
    if (answer[at]!.toLowerCase() === 'sec-websocket-protocol') selected ??= answer[at + 1]!;
    else fields.push(answer[at]!, answer[at + 1]!);
  }
  if (selected === undefined && typeof offered === 'object' && offered.marked) selected = marker;
  if (selected !== undefined) fields.push('sec-websocket-protocol', selected);
  return fields;
}

import { SquibError } from '../../errors/squib-error.ts';
import type { Connection } from './connection.ts';

/** Nobody answers there. */
export function unreachable({ endpoint }: Pick<Connection, 'endpoint'>, cause: unknown): SquibError {
  const remedy = "Start it with 'squib up', or correct AWS_ENDPOINT_URL.";
  return new SquibError(`squib does not answer at ${endpoint}.`, remedy, { cause });
}

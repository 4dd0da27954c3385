import type { Log } from '../log/log.ts';
import type { Admission } from './checks.ts';
import type { Inbound } from './inbound.ts';

/** What a line of the access log says of the answer. */
export interface Outcome {
  protocol: 'http/1.1' | 'h2';
  /** Status of the answer; 0 when the client left before it. */
  status: number;
  bytesIn: number;
  bytesOut: number;
}

/** Writes one line per request. Neither token nor query string nor any header is in it. */
export function logAccess(log: Log, request: Inbound, to: Admission | undefined, outcome: Outcome): void {
  const query = request.target.indexOf('?');
  log.info('endpoint.request', {
    requestId: request.requestId,
    host: request.authority,
    method: request.method,
    path: query < 0 ? request.target : request.target.slice(0, query),
    microvmId: to?.microvmId,
    port: to?.port || undefined,
    ...outcome,
    milliseconds: Date.now() - request.startedAt,
  });
}

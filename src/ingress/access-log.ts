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

/** Takes the fields of one line. */
export type AccessSink = (fields: Record<string, unknown>) => void;

/** Hands each line to the log at once. */
export function accessByLog(log: Log): AccessSink {
  return (fields) => log.info('endpoint.request', fields);
}

const batchMs = 50;
const batchLines = 200;

/** Gathers lines of the same form as the log's, so that a busy endpoint does not write for each request. */
export class AccessBatch {
  readonly #write: (lines: string) => void;
  #lines: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param write takes complete lines, joined by line breaks, without the last one. */
  constructor(write: (lines: string) => void) {
    this.#write = write;
  }

  readonly sink: AccessSink = (fields) => {
    const line = { time: new Date().toISOString(), level: 'info', event: 'endpoint.request', ...fields };
    if (this.#lines.push(JSON.stringify(line)) >= batchLines) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), batchMs);
  };

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#write(lines.join('\n'));
  }
}

/** Writes one line per request. Neither token nor query string nor any header is in it. */
export function logAccess(
  access: AccessSink,
  request: Inbound,
  to: Admission | undefined,
  outcome: Outcome,
): void {
  const query = request.target.indexOf('?');
  access({
    requestId: request.requestId,
    host: request.authority,
    method: request.method,
    path: query < 0 ? request.target : request.target.slice(0, query),
    microvmId: to?.microvmId,
    port: to?.port || undefined,
    protocol: outcome.protocol,
    status: outcome.status,
    bytesIn: outcome.bytesIn,
    bytesOut: outcome.bytesOut,
    milliseconds: Date.now() - request.startedAt,
  });
}

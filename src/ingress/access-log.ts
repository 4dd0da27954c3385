import type { Log } from '../log/log.ts';
import { metrics } from '../metrics/metrics.ts';
import { linkPrefix } from './browser-links.ts';
import type { Admission } from './checks.ts';
import type { Inbound } from './inbound.ts';

/** What a line of the access log says. Neither token nor query string nor any header is in it. */
export interface AccessEntry {
  requestId: string;
  host: string;
  method: string;
  path: string;
  microvmId: string | undefined;
  port: number | undefined;
  protocol: 'http/1.1' | 'h2';
  /** Status of the answer; 0 when the client left before it. */
  status: number;
  /** Bytes of the bodies. */
  bytesIn: number;
  bytesOut: number;
  milliseconds: number;
}

/** Without the query, and without the secret of a browser's link. */
function loggedPath(target: string): string {
  if (target.startsWith(linkPrefix)) return linkPrefix;
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

export type AccessSink = (entry: AccessEntry) => void;

/** The entry for one request that is over. */
export function accessEntry(
  protocol: AccessEntry['protocol'],
  request: Inbound,
  to: Admission | undefined,
  answer: { status: number; bytesIn: number; bytesOut: number },
): AccessEntry {
  return {
    requestId: request.requestId,
    host: request.authority,
    method: request.method,
    path: loggedPath(request.target),
    microvmId: to?.microvmId,
    port: to?.port || undefined,
    protocol,
    status: answer.status,
    bytesIn: answer.bytesIn,
    bytesOut: answer.bytesOut,
    milliseconds: Date.now() - request.startedAt,
  };
}

/** Counts each request, and hands it on to the log if there is one. */
export function accessByMetrics(next: AccessSink | undefined): AccessSink {
  return (entry) => {
    const { protocol, status, milliseconds } = entry;
    // Applications choose their statuses: classes keep them from making series without number.
    metrics.endpointRequests.add(1, protocol, status === 0 ? '0' : `${Math.trunc(status / 100)}xx`);
    metrics.endpointDuration.observe(milliseconds / 1000, protocol);
    next?.(entry);
  };
}

/** Hands each line to the log at once. */
export function accessByLog(log: Log): AccessSink {
  return (entry) => log.info('endpoint.request', { ...entry });
}

/** Writing a batch delays the request that is under way, so there are few. */
const batchMs = 250;
const batchLines = 1000;
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** The time as ISO 8601; many lines share a millisecond. */
const timeNow = (() => {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = new Date(now).toISOString();
    }
    return text;
  };
})();

/** A JSON string; most need no escapes. */
const quote = (text: string) => (plain.test(text) ? `"${text}"` : JSON.stringify(text));

/** Gathers lines of the same form as the log's, so that a busy endpoint does not write for each request. */
export class AccessBatch {
  readonly #write: (lines: string) => void;
  #text = '';
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param write takes complete lines, joined by line breaks, without the last one. */
  constructor(write: (lines: string) => void) {
    this.#write = write;
  }

  readonly sink: AccessSink = (entry) => {
    let line = `{"time":"${timeNow()}","level":"info","event":"endpoint.request"`;
    line += `,"requestId":"${entry.requestId}","host":${quote(entry.host)},"method":${quote(entry.method)}`;
    line += `,"path":${quote(entry.path)}`;
    if (entry.microvmId !== undefined) line += `,"microvmId":"${entry.microvmId}"`;
    if (entry.port !== undefined) line += `,"port":${entry.port}`;
    line += `,"protocol":"${entry.protocol}","status":${entry.status},"bytesIn":${entry.bytesIn}`;
    line += `,"bytesOut":${entry.bytesOut},"milliseconds":${entry.milliseconds}}`;
    this.#text = this.#count === 0 ? line : `${this.#text}\n${line}`;
    if (++this.#count >= batchLines) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), batchMs);
  };

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#text;
    this.#text = '';
    if (this.#count > 0) this.#write(text);
    this.#count = 0;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { readCredentialsFile } from '../../config/credentials-file.ts';
import type { ExternalService } from '../../config/external-service.ts';
import type { Log } from '../../log/log.ts';
import type { LogEvent, LogListener } from '../../store/log-store.ts';
import { sign } from './sign.ts';

/** CloudWatch's limits for one PutLogEvents. */
const mostEvents = 10_000;
const mostBytes = 1_048_576;
const bytesPerEvent = 26;
/** What may wait while the service does not answer; beyond it the oldest events are lost, with a line in the log. */
const mostWaitingBytes = 16 * 1024 * 1024;
const everyMs = 1000;
const slowestMs = 60_000;
const answerMs = 20_000;

interface Queue {
  group: string;
  stream: string;
  events: LogEvent[];
}

/** The service's answer to a call; undefined when all is well. */
type Refusal = { code: string; message: string } | undefined;

/** Sends what is written to squib's log streams on to CloudWatch Logs, in order, in batches. */
export class CloudWatchForwarder {
  readonly #service: ExternalService;
  readonly #region: string;
  readonly #log: Log;
  readonly #queues = new Map<string, Queue>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #waitingBytes = 0;
  #lost = 0;

  /** @param region of squib, for a service that names none */
  constructor(service: ExternalService, region: string, log: Log) {
    this.#service = service;
    this.#region = service.region || region;
    this.#log = log;
    this.#done = this.#run();
  }

  readonly listen: LogListener = (group, stream, event) => {
    const place = `${group}\n${stream}`;
    const queue = this.#queues.get(place) ?? { group, stream, events: [] };
    this.#queues.set(place, queue);
    queue.events.push(event);
    this.#waitingBytes += sizeOf(event);
    while (this.#waitingBytes > mostWaitingBytes) this.#loseOldest();
  };

  /** Sends what waits, if the service takes it now. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#flush().catch((error) => this.#log.warn('logs.forward', { error }));
  }

  async #run(): Promise<void> {
    for (let pauseMs = everyMs; !this.#stop.signal.aborted; ) {
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#stop.signal.aborted) return;
      try {
        await this.#flush();
        if (this.#lost > 0) this.#log.warn('logs.forward.lost', { events: this.#lost });
        this.#lost = 0;
        pauseMs = everyMs;
      } catch (error) {
        pauseMs = Math.min(pauseMs * 2, slowestMs);
        this.#log.warn('logs.forward', { error, againInMs: pauseMs });
      }
    }
  }

  async #flush(): Promise<void> {
    for (const [place, queue] of this.#queues) {
      while (queue.events.length > 0) {
        const batch = batchOf(queue.events);
        await this.#put(queue, batch);
        queue.events.splice(0, batch.length);
        this.#waitingBytes -= batch.reduce((sum, event) => sum + sizeOf(event), 0);
      }
      this.#queues.delete(place);
    }
  }

  async #put({ group: logGroupName, stream: logStreamName }: Queue, logEvents: LogEvent[]): Promise<void> {
    const put = () => this.#call('PutLogEvents', { logGroupName, logStreamName, logEvents });
    let refusal = await put();
    if (refusal?.code === 'ResourceNotFoundException') {
      ignoreExisting(await this.#call('CreateLogGroup', { logGroupName }));
      ignoreExisting(await this.#call('CreateLogStream', { logGroupName, logStreamName }));
      refusal = await put();
    }
    if (refusal) throw new Error(`${refusal.code}: ${refusal.message}`);
  }

  async #call(action: string, input: Record<string, unknown>): Promise<Refusal> {
    const { endpoint, credentialsFile } = this.#service;
    const url = new URL(endpoint);
    const body = JSON.stringify(input);
    const headers = sign(
      {
        ...{ method: 'POST', url, body },
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': `Logs_20140328.${action}`,
        },
      },
      { ...readCredentialsFile(credentialsFile, `CloudWatch Logs at ${url.origin}`), region: this.#region },
      'logs',
      Date.now(),
    );
    const signal = AbortSignal.timeout(answerMs);
    const answer = await fetch(url, { method: 'POST', headers, body, signal });
    const text = await answer.text();
    if (answer.ok) return undefined;
    let said: { __type?: string; message?: string; Message?: string } = {};
    try {
      said = JSON.parse(text);
    } catch {
      // Not the service itself: the status has to do.
    }
    const code = said.__type?.replace(/^.*#/, '') ?? `HTTP status ${answer.status}`;
    return { code, message: said.message ?? said.Message ?? '' };
  }

  #loseOldest(): void {
    const [[place, queue] = []] = this.#queues;
    const lost = queue?.events.shift();
    if (place === undefined || queue === undefined || lost === undefined) {
      this.#waitingBytes = 0;
      return;
    }
    this.#waitingBytes -= sizeOf(lost);
    this.#lost++;
    if (queue.events.length === 0) this.#queues.delete(place);
  }
}

const sizeOf = ({ message }: LogEvent) => Buffer.byteLength(message) + bytesPerEvent;

/** The first events that fit into one call, in the order of their times. */
function batchOf(events: readonly LogEvent[]): LogEvent[] {
  let bytes = 0;
  const batch: LogEvent[] = [];
  for (const event of events) {
    bytes += sizeOf(event);
    const back = (batch.at(-1)?.timestamp ?? 0) > event.timestamp;
    if (batch.length > 0 && (batch.length === mostEvents || bytes > mostBytes || back)) break;
    batch.push(event);
  }
  return batch;
}

function ignoreExisting(refusal: Refusal): void {
  if (refusal && refusal.code !== 'ResourceAlreadyExistsException') {
    throw new Error(`${refusal.code}: ${refusal.message}`);
  }
}

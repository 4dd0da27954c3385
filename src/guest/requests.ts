import { GuestGone, GuestProtocolError, GuestRequestFailed } from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import { controlStream, frameType, replyOk } from './protocol.ts';

/** A request that the agent has not answered after this is given up, in milliseconds. */
const patience = 30_000;

interface Waiting {
  resolve: () => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Requests to the agent that await their reply. */
export class Requests {
  readonly #writer: FrameWriter;
  readonly #waiting = new Map<number, Waiting>();
  #tag = 0;
  #failed: Error | undefined;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** @throws GuestRequestFailed with the agent's reason, GuestGone */
  send(kind: number, body: Buffer = Buffer.alloc(0)): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    const tag = ++this.#tag;
    const head = Buffer.alloc(5);
    head.writeUInt32LE(tag);
    head[4] = kind;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // The tag stays known: the agent may answer late without breaking the protocol.
        reject(new GuestGone(`The guest agent did not answer request ${kind} within ${patience} ms.`));
      }, patience);
      timer.unref();
      this.#waiting.set(tag, { resolve, reject, timer });
      this.#writer.frame(controlStream, frameType.request, Buffer.concat([head, body]));
    });
  }

  /** @throws GuestProtocolError for an answer to nothing */
  takeReply(payload: Buffer): void {
    const tag = payload.readUInt32LE(0);
    const waiting = this.#waiting.get(tag);
    if (!waiting) throw new GuestProtocolError('The guest agent answered a request that was not made.');
    this.#waiting.delete(tag);
    clearTimeout(waiting.timer);
    if (payload[4] === replyOk) waiting.resolve();
    else waiting.reject(new GuestRequestFailed(textOf(payload.subarray(5))));
  }

  /** The connection is over. */
  fail(error: Error): void {
    this.#failed = error;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}

/** A text of the agent as one printable line. */
export function textOf(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 600);
}

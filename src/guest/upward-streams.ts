import { GuestProtocolError } from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import { GuestStream } from './guest-stream.ts';
import { type Frame, frameType, receiveWindow, refusal, streamKind, uint32 } from './protocol.ts';

/** More than the agent opens at once (upward.c); what comes above is turned away. */
const most = 160;

const reset = () => Object.assign(new Error('The guest gave the connection up.'), { code: 'ECONNRESET' });

/** What the guest asks of its host: `metadata`, `names` and `api` are TCP connections, `query` is one DNS message by UDP. */
export type UpwardKind = 'metadata' | 'names' | 'query' | 'api';

/** `query` is empty but for streams of that kind, whose answer is written with its length (2 bytes) before it. */
export type UpwardListener = (kind: UpwardKind, stream: GuestStream, query: Buffer) => void;

const kinds = new Map<number, UpwardKind>([
  [streamKind.metadata, 'metadata'],
  [streamKind.names, 'names'],
  [streamKind.query, 'query'],
  [streamKind.api, 'api'],
]);

/** The streams that the agent opened on one connection, on behalf of the container. */
export class UpwardStreams {
  readonly #writer: FrameWriter;
  readonly #open = new Map<number, GuestStream>();
  #listener: UpwardListener | undefined;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  listen(listener: UpwardListener): void {
    this.#listener = listener;
  }

  /** @throws GuestProtocolError */
  take({ stream: id, type, payload }: Frame): void {
    if (id >= 2 ** 24)
      throw new GuestProtocolError(`The guest agent named stream ${id}, which cannot exist.`);
    if (type === frameType.open) {
      this.#takeOpen(id, payload);
      return;
    }
    const stream = this.#open.get(id);
    if (!stream) return; // what was under way when this side gave the stream up
    if (type === frameType.data) stream.takeData(payload);
    else if (type === frameType.credit && payload.length === 4) stream.addCredit(payload.readUInt32LE(0));
    else if (type === frameType.end) stream.takeEnd();
    else if (type === frameType.reset) stream.takeReset(reset());
    else throw new GuestProtocolError(`The guest agent sent an unknown frame (${type}) on a stream.`);
  }

  /** The connection is over. */
  fail(error: Error): void {
    for (const stream of [...this.#open.values()]) stream.takeReset(error);
  }

  #takeOpen(id: number, payload: Buffer): void {
    const kind = kinds.get(payload[0] ?? 0);
    if (payload.length < 5 || !kind || this.#open.get(id)?.destroyed === false) {
      throw new GuestProtocolError('The guest agent opened a stream in a way that cannot be.');
    }
    if (!this.#listener || this.#open.size >= most) {
      this.#writer.frame(id, frameType.refused, Buffer.from([refusal.limit]));
      return;
    }
    const stream = new GuestStream(id, this.#writer, () => {
      if (this.#open.get(id) === stream) this.#open.delete(id);
    });
    this.#open.set(id, stream);
    this.#writer.frame(id, frameType.opened, uint32(receiveWindow));
    stream.addCredit(payload.readUInt32LE(1));
    this.#listener(kind, stream, Buffer.from(payload.subarray(5)));
  }
}

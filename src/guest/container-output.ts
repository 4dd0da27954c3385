import { GuestProtocolError } from './errors.ts';
import type { FrameWriter } from './frame-writer.ts';
import { frameType, receiveWindow, uint32 } from './protocol.ts';

/** Receives one of the container's output streams; until somebody listens, one window of it is kept. */
export class ContainerOutput {
  readonly #id: number;
  readonly #writer: FrameWriter;
  readonly #listeners: ((chunk: Buffer) => void)[] = [];
  #window = receiveWindow;
  #ungranted = 0;
  #kept: Buffer[] = [];

  constructor(id: number, writer: FrameWriter) {
    this.#id = id;
    this.#writer = writer;
  }

  listen(listener: (chunk: Buffer) => void): void {
    this.#listeners.push(listener);
    const kept = this.#kept;
    this.#kept = [];
    for (const chunk of kept) this.#deliver(chunk);
  }

  /** @throws GuestProtocolError when the agent had no credit for it */
  takeData(payload: Buffer): void {
    if (payload.length > this.#window)
      throw new GuestProtocolError('The guest agent sent output without credit.');
    this.#window -= payload.length;
    // A copy: what is kept must not hold on to the channel's much larger chunk.
    if (this.#listeners.length === 0) this.#kept.push(Buffer.from(payload));
    else this.#deliver(payload);
  }

  #deliver(chunk: Buffer): void {
    for (const listener of this.#listeners) listener(chunk);
    this.#ungranted += chunk.length;
    if (this.#ungranted < receiveWindow / 4) return;
    this.#writer.frame(this.#id, frameType.credit, uint32(this.#ungranted));
    this.#window += this.#ungranted;
    this.#ungranted = 0;
  }
}

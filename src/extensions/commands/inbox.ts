import type { RawData, WebSocket } from 'ws';

export type Message = [data: RawData, binary: boolean];

/**
 * The messages of a client, none of them lost: those that come before anybody listens are kept. A paused client may still
 * deliver what it had received already.
 */
export class Inbox {
  readonly #kept: Message[] = [];
  #take = (message: Message): void => {
    this.#kept.push(message);
  };

  constructor(client: WebSocket) {
    client.on('message', (...message) => this.#take(message));
  }

  /** The next message. */
  next(): Promise<Message> {
    const kept = this.#kept.shift();
    if (kept !== undefined) return Promise.resolve(kept);
    const keep = this.#take;
    return new Promise((resolve) => {
      this.#take = (message) => {
        this.#take = keep;
        resolve(message);
      };
    });
  }

  /** Hears what was kept, and from now on each message as it comes. */
  listen(listener: (message: Message) => void): void {
    this.#take = listener;
    for (const message of this.#kept.splice(0)) listener(message);
  }
}

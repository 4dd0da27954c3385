import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { GuestGone, GuestProtocolError } from './errors.ts';
import {
  frameType,
  headerSize,
  marker,
  nonceSize,
  protocolVersion,
  receiveWindow,
  writeHeader,
} from './protocol.ts';

/** What an agent may have been writing to the host before this one, at most. Its whole buffer holds 1 MiB. */
const staleMax = 4 * 1_048_576;

/** The bytes that begin a connection: marker, nonce, HELLO. */
export function greeting(nonce: Buffer): Buffer {
  const hello = Buffer.alloc(headerSize + 6);
  writeHeader(hello, 0, frameType.hello, 6);
  hello.writeUInt16LE(protocolVersion, headerSize);
  hello.writeUInt32LE(receiveWindow, headerSize + 2);
  return Buffer.concat([marker, nonce, hello]);
}

/** Finds the answer to a greeting behind whatever was meant for the host before. */
export class AnswerFinder {
  readonly #answer: Buffer;
  #tail: Buffer = Buffer.alloc(0);
  #skipped = 0;

  constructor(nonce: Buffer) {
    this.#answer = Buffer.concat([marker, nonce]);
  }

  /** @returns what follows the answer, once it came. @throws GuestProtocolError when it does not come */
  push(chunk: Buffer): Buffer | undefined {
    const bytes = this.#tail.length > 0 ? Buffer.concat([this.#tail, chunk]) : chunk;
    const at = bytes.indexOf(this.#answer);
    if (at >= 0) return bytes.subarray(at + this.#answer.length);
    this.#tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - this.#answer.length + 1)));
    this.#skipped += chunk.length;
    if (this.#skipped > staleMax)
      throw new GuestProtocolError('The guest agent does not answer the greeting.');
    return undefined;
  }
}

/**
 * Begins a connection on a channel that nobody reads yet. Resolves with the first bytes behind the agent's answer;
 * the channel is paused then.
 * @throws GuestGone when the channel ends or the agent does not answer in time
 */
export function shakeHands(channel: Duplex, timeoutMs: number): Promise<Buffer> {
  const nonce = randomBytes(nonceSize);
  const finder = new AnswerFinder(nonce);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      channel.pause();
      channel.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose);
      act();
    };
    const fail = (error: Error) => settle(() => reject(error));
    const onError = (cause: Error) => fail(new GuestGone('The channel to the guest agent broke.', { cause }));
    const onClose = () => fail(new GuestGone('The channel to the guest agent was closed.'));
    const onData = (chunk: Buffer) => {
      try {
        const rest = finder.push(chunk);
        if (rest) settle(() => resolve(rest));
      } catch (error) {
        fail(error as Error);
      }
    };
    const timer = setTimeout(
      () => fail(new GuestGone(`The guest agent did not answer within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    channel.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose);
    channel.write(greeting(nonce));
  });
}

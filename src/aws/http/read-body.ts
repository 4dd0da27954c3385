import type { IncomingMessage } from 'node:http';

/** The body is larger than the service takes. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** The client did not deliver its body in time, or went away. */
export class BodyIncomplete extends Error {
  override readonly name = 'BodyIncomplete';
}

export interface BodyLimits {
  maxBytes: number;
  /** For the whole body, in milliseconds. */
  timeoutMs: number;
}

const EMPTY = Buffer.alloc(0);

/** Reads a small body into memory. @throws BodyTooLarge | BodyIncomplete */
export function readBody(message: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer> {
  const { 'content-length': contentLength, 'transfer-encoding': transferEncoding } = message.headers;
  if (contentLength === undefined && transferEncoding === undefined) return Promise.resolve(EMPTY);
  const announced = Number(contentLength ?? 0);
  if (announced > maxBytes) return Promise.reject(new BodyTooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (error?: Error) => {
      clearTimeout(timer);
      message.off('data', onData).off('end', onEnd).off('error', onLoss).off('close', onLoss);
      if (error) {
        message.pause();
        reject(error);
      } else {
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      }
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) finish(new BodyTooLarge());
      else chunks.push(chunk);
    };
    const onEnd = () => finish();
    const onLoss = () => finish(new BodyIncomplete('the client went away'));
    const timer = setTimeout(() => finish(new BodyIncomplete('the body did not arrive in time')), timeoutMs);
    message.on('data', onData).on('end', onEnd).on('error', onLoss).on('close', onLoss);
  });
}

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
export async function readBody(message: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const { 'content-length': contentLength, 'transfer-encoding': transferEncoding } = message.headers;
  if (contentLength === undefined && transferEncoding === undefined) return EMPTY;
  const announced = Number(contentLength ?? 0);
  if (announced > limits.maxBytes) throw new BodyTooLarge();
  // What came together with the head has been taken in after this, and needs no listeners and no deadline.
  await undefined;
  if (!message.complete || message.readableFlowing !== null) return collectBody(message, limits);
  const body = (message.read() as Buffer | null) ?? EMPTY;
  if (body.length > limits.maxBytes) throw new BodyTooLarge();
  return body;
}

function collectBody(message: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer> {
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

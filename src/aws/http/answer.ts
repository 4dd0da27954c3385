import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IDLE_TIMEOUT_MS } from './limits.ts';

/** What a front door answers; request ids are added when it is sent. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** A stream that has an end must come with its `content-length` among the headers. */
  body?: string | Readable;
}

/** What clients are told: a little less than connections are kept without a request, or the two might cross. */
const KEEP_ALIVE = `timeout=${IDLE_TIMEOUT_MS / 1000 - 5}`;

/** Sends an answer. Resolves when it is out or the client is gone; never rejects for a client that went away. */
export async function send(response: ServerResponse, answer: Answer, requestId: string): Promise<void> {
  const { status, headers, body } = answer;
  const stream = typeof body === 'object' ? body : undefined;
  if (response.headersSent || response.destroyed) {
    stream?.destroy();
    response.destroy();
    return;
  }
  const text = typeof body === 'string' ? body : '';
  const noBody = status === 204 || status === 304;
  response.writeHead(status, {
    'x-amzn-requestid': requestId,
    ...(response.shouldKeepAlive && { 'keep-alive': KEEP_ALIVE }),
    ...(!stream && !noBody && { 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  });
  if (!stream) {
    response.end(noBody ? undefined : text);
    return;
  }
  if (response.req.method === 'HEAD') {
    stream.destroy();
    response.end();
    return;
  }
  try {
    await pipeline(stream, response);
  } catch {
    // Half an answer cannot be taken back: the client sees the connection break.
    response.destroy();
  }
}

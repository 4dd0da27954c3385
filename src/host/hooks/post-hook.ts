import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';

export type HookName = 'ready' | 'validate' | 'run' | 'resume' | 'suspend' | 'terminate';

/** One call of a lifecycle hook (spec: lifecycle-and-hooks 4.1). */
export interface HookRequest {
  hook: HookName;
  port: number;
  /** Value of the `Host` header. */
  host: string;
  /** JSON text; only `/run` has one. */
  body?: string;
}

/**
 * POSTs a hook over an open connection to the guest and resolves with the HTTP status; the body is ignored.
 * Rejects when the connection breaks, the answer is not HTTP, or `signal` aborts.
 */
export function postHook(connection: Duplex, hook: HookRequest, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { host: hook.host, connection: 'close' };
    if (hook.body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(hook.body));
    }
    if (hook.hook === 'ready' || hook.hook === 'validate') headers['x-amzn-requestid'] = randomUUID();
    const post = request({
      method: 'POST',
      path: `/aws/lambda-microvms/runtime/v1/${hook.hook}`,
      headers,
      createConnection: () => connection,
      signal,
    });
    post.on('response', (response) => {
      response.on('error', () => {}); // the status is all that counts; the rest may break off
      response.resume();
      resolve(response.statusCode ?? 0);
      response.on('end', () => connection.destroy());
    });
    post.on('error', (error) => {
      connection.destroy();
      reject(error);
    });
    post.end(hook.body);
  });
}

import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MicrovmFailed, PortClosed } from '../../control/host.ts';
import { metrics, timed } from '../../metrics/metrics.ts';
import { isoDuration } from './duration.ts';
import { postHook } from './post-hook.ts';

const refusedRetryMs = 50;

export type LifecycleHook = 'run' | 'resume' | 'suspend' | 'terminate';

export interface LifecycleHookCall {
  hook: LifecycleHook;
  port: number;
  timeoutSeconds: number;
  dial: (port: number) => Promise<Duplex>;
  body?: string;
}

/**
 * Calls a runtime hook; any 2xx is success (spec: lifecycle-and-hooks 4.1). A refused connection is tried again
 * until the time is up (Decision L4).
 * @throws MicrovmFailed with AWS's sentence (spec: lifecycle-and-hooks 1.1).
 */
export function callLifecycleHook(call: LifecycleHookCall): Promise<void> {
  return timed(metrics.hook, call.hook, () => untilAnswered(call));
}

async function untilAnswered(call: LifecycleHookCall): Promise<void> {
  const name = `${call.hook[0]?.toUpperCase()}${call.hook.slice(1)}`;
  const advice = 'Please check your hook endpoint and application logs for more details.';
  const deadline = AbortSignal.timeout(call.timeoutSeconds * 1000);
  for (;;) {
    try {
      const connection = await untilAborted(call.dial(call.port), deadline);
      const status = await postHook(
        connection,
        {
          hook: call.hook,
          port: call.port,
          host: `localhost:${call.port}`,
          ...(call.body !== undefined && { body: call.body }),
        },
        deadline,
      );
      if (status >= 200 && status < 300) return;
      throw new MicrovmFailed(`${name} lifecycle hook returned HTTP status ${status}. ${advice}`);
    } catch (error) {
      if (error instanceof MicrovmFailed) throw error;
      if (deadline.aborted) {
        const limit = isoDuration(call.timeoutSeconds);
        throw new MicrovmFailed(`${name} lifecycle hook invocation timed out after ${limit}. ${advice}`);
      }
      if (!(error instanceof PortClosed)) {
        throw new MicrovmFailed(
          `${name} lifecycle hook could not be called: ${(error as Error).message}. ${advice}`,
        );
      }
      await sleep(refusedRetryMs);
    }
  }
}

/** `promise`, or a rejection as soon as `signal` aborts; a connection that comes too late is closed. */
export function untilAborted(promise: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      promise.then(
        (late) => late.destroy(),
        () => {},
      );
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

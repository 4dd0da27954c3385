import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuildFailed, PortClosed } from '../../control/host.ts';
import { metrics, timed } from '../../metrics/metrics.ts';
import { isoDuration } from './duration.ts';
import { untilAborted } from './lifecycle-hook.ts';
import { postHook } from './post-hook.ts';

/** AWS publishes no interval between two attempts; short, because every one of them delays the build. */
const retryMs = 200;

export interface BuildHookCall {
  hook: 'ready' | 'validate';
  port: number;
  timeoutSeconds: number;
  /** Host name of the build VM's endpoint (spec: lifecycle-and-hooks 4.1). */
  host: string;
  dial: (port: number) => Promise<Duplex>;
  /** Aborts with the reason that ends the build (cancelled, container ended). */
  signal: AbortSignal;
}

/**
 * Calls `/ready` or `/validate` until it answers 200. 503 and a refused connection mean "not yet"; any other
 * answer ends the build at once (spec: lifecycle-and-hooks 4 and 4.3).
 * @throws BuildFailed with AWS's sentence, or the reason of `signal`.
 */
export function callBuildHook(call: BuildHookCall): Promise<void> {
  return timed(metrics.hook, call.hook, () => untilAnswered(call));
}

async function untilAnswered(call: BuildHookCall): Promise<void> {
  const name = call.hook === 'ready' ? 'Ready' : 'Validate';
  const deadline = AbortSignal.timeout(call.timeoutSeconds * 1000);
  const stop = AbortSignal.any([deadline, call.signal]);
  for (;;) {
    try {
      const connection = await untilAborted(call.dial(call.port), stop);
      const status = await postHook(connection, call, stop);
      if (status === 200) return;
      if (status !== 503) throw new BuildFailed(refusal(name, status));
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (deadline.aborted) {
        throw new BuildFailed(`${name} hook invocation timed out after ${isoDuration(call.timeoutSeconds)}`);
      }
      if (error instanceof BuildFailed) throw error;
      // An application that still starts may refuse, or accept and hang up: both are "not ready yet".
      if (!(error instanceof PortClosed) && !isConnectionLost(error)) throw error;
    }
    await sleep(retryMs);
  }
}

function isConnectionLost(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE' || (code?.startsWith('HPE_') ?? false);
}

function refusal(name: string, status: number): string {
  const failed = `${name} hook check failed: the application returned`;
  if (status >= 500) return `${failed} a server error (HTTP 5xx) response`;
  if (status >= 400) return `${failed} a client error (HTTP 4xx) response`;
  return `${failed} HTTP status ${status} instead of 200`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { GetMicrovmResponse } from '../aws/models/lambda-microvms.ts';
import { SquibError } from '../errors/squib-error.ts';
import { callLambda } from './api/aws.ts';
import type { Wire } from './api/call.ts';
import type { Connection } from './api/connection.ts';
import type { Progress } from './progress.ts';

export type Microvm = Wire<GetMicrovmResponse>;

const pollMs = 100;

export const getMicrovm = (connection: Connection, microvmIdentifier: string) =>
  callLambda<Microvm>(connection, 'GetMicrovm', { microvmIdentifier });

/**
 * Waits for a state.
 * @throws SquibError with the MicroVM's reason when that state cannot come any more
 */
export async function waitForState(
  connection: Connection,
  microvmId: string,
  wanted: 'RUNNING' | 'SUSPENDED' | 'TERMINATED',
  progress: Progress,
): Promise<Microvm> {
  const settled = new Set<string>(['RUNNING', 'SUSPENDED', 'TERMINATED']);
  const last: Record<string, string> = { RUNNING: 'SUSPENDED', SUSPENDED: 'RUNNING' };
  for (let looks = 0; ; looks++) {
    const microvm = await getMicrovm(connection, microvmId);
    const { state, stateReason } = microvm;
    if (state === wanted) {
      progress.end();
      return microvm;
    }
    // What is asked for shows as an in-between state at once; RESUMING alone shows as SUSPENDED, without a reason.
    const failed = stateReason != null && state === last[wanted];
    if (state === 'TERMINATED' || (wanted !== 'TERMINATED' && settled.has(state) && failed && looks > 0)) {
      progress.end();
      throw new SquibError(
        `${microvmId} is ${state}: ${stateReason ?? 'no reason is known'}`,
        `'squib inspect ${microvmId}' shows what happened before, 'squib logs ${microvmId}' what it printed.`,
      );
    }
    progress.status(`${microvmId} is ${state}`);
    await sleep(pollMs);
  }
}

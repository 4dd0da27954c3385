import type { MicrovmRow } from '../../store/microvms.ts';
import { type ActivityPolicy, idleReason } from '../activity/activity-policy.ts';
import type { MicrovmEvent } from '../microvm-state.ts';

/** What time will do to a MicroVM, and when (epoch milliseconds). */
export interface Deadline {
  at: number;
  event: Extract<MicrovmEvent, 'expired' | 'idle' | 'suspendedTooLong'>;
  /** For the history. */
  reason: string;
}

/**
 * The first thing that time will do, given the moment of the last activity (spec: lifecycle-and-hooks sections 1, 2).
 * @param policy what counted as activity.
 * Undefined when the MicroVM is already ending.
 */
export function nextDeadline(
  microvm: MicrovmRow,
  lastActivity: number,
  policy: ActivityPolicy,
): Deadline | undefined {
  const { state, startedAt, stateSince, maximumDurationSeconds, maxIdleSeconds, suspendedSeconds } = microvm;
  if (state === 'TERMINATING' || state === 'TERMINATED') return undefined;
  // Decision L16: the maximum duration counts from startedAt.
  const deadlines: Deadline[] = [
    {
      at: startedAt + maximumDurationSeconds * 1000,
      event: 'expired',
      reason: `The maximum duration of ${maximumDurationSeconds} s was reached.`,
    },
  ];
  // Decision L18: an open connection without bytes does not count.
  if (state === 'RUNNING' && maxIdleSeconds !== null) {
    deadlines.push({
      at: lastActivity + maxIdleSeconds * 1000,
      event: 'idle',
      reason: idleReason(maxIdleSeconds, policy),
    });
  }
  // Decision L14: whoever suspended it, the time in SUSPENDED counts. Decision L15: without a policy it does not.
  if (state === 'SUSPENDED' && suspendedSeconds !== null) {
    deadlines.push({
      at: stateSince + suspendedSeconds * 1000,
      event: 'suspendedTooLong',
      reason: `It was suspended for ${suspendedSeconds} s, as long as its idle policy allows.`,
    });
  }
  return deadlines.reduce((first, each) => (each.at < first.at ? each : first));
}

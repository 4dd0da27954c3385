import type { MicrovmState } from '../store/states.ts';

export type { MicrovmState };

/** States as the API knows them. */
export type ApiMicrovmState = Exclude<MicrovmState, 'RESUMING'>;

/**
 * What can happen to a MicroVM.
 * - asked by a caller: `suspend`, `resume`, `terminate`
 * - asked by the endpoint: `request` (arrives only where auto-resume is allowed)
 * - asked by time: `idle`, `suspendedTooLong`, `expired`
 * - reported by the host: `started`, `suspended`, `resumed`, `terminated`; `failed` (a hook or the machine
 *   gave up), `exited` (the main process ended)
 * - found by looking at the host after an interruption: `foundRunning`, `foundSuspended`, `foundGone`
 * - `interrupted`: the daemon ended in the middle of an action, which is to be done again
 */
export type MicrovmEvent =
  | 'suspend'
  | 'resume'
  | 'terminate'
  | 'request'
  | 'idle'
  | 'suspendedTooLong'
  | 'expired'
  | 'started'
  | 'suspended'
  | 'resumed'
  | 'terminated'
  | 'failed'
  | 'exited'
  | 'foundRunning'
  | 'foundSuspended'
  | 'foundGone'
  | 'interrupted';

/** What the host has to do once the new state is recorded. */
export type MicrovmAction = 'start' | 'suspend' | 'resume' | 'terminate';

export type MicrovmOutcome =
  | { kind: 'move'; to: MicrovmState; action?: MicrovmAction }
  /** Nothing changes, and that is a success. */
  | { kind: 'stay' }
  /** The caller is told no: it ended, or something else is under way. */
  | { kind: 'refuse'; because: 'terminated' | 'busy' };

const stay: MicrovmOutcome = { kind: 'stay' };
const busy: MicrovmOutcome = { kind: 'refuse', because: 'busy' };
const ended: MicrovmOutcome = { kind: 'refuse', because: 'terminated' };
const to = (state: MicrovmState, action?: MicrovmAction): MicrovmOutcome =>
  action === undefined ? { kind: 'move', to: state } : { kind: 'move', to: state, action };
const end = to('TERMINATING', 'terminate');

/** Events that are missing from a row change nothing: they come too late, or are none of that state's business. */
const table: Record<MicrovmState, Partial<Record<MicrovmEvent, MicrovmOutcome>>> = {
  PENDING: {
    // Decision C11: in-between states refuse suspend and resume with 409.
    suspend: busy,
    resume: busy,
    // Decision C13: a MicroVM that is still starting may be terminated.
    terminate: end,
    expired: end,
    started: to('RUNNING'),
    failed: end,
    exited: end,
    // Nobody was ever told that it runs, and RunMicrovm was acknowledged: start it anew.
    interrupted: to('PENDING', 'start'),
  },
  RUNNING: {
    suspend: to('SUSPENDING', 'suspend'),
    idle: to('SUSPENDING', 'suspend'),
    // Instead of a suspend, where the idle policy allows no time in SUSPENDED.
    suspendedTooLong: end,
    terminate: end,
    expired: end,
    failed: end,
    exited: end,
    foundSuspended: to('SUSPENDED'),
    foundGone: end,
  },
  SUSPENDING: {
    // Decision C12: the state asked for is on its way.
    suspend: stay,
    // Decision C11
    resume: busy,
    terminate: end,
    expired: end,
    suspended: to('SUSPENDED'),
    // Decision L6: a suspend hook that fails or times out ends the MicroVM.
    failed: end,
    exited: end,
    foundRunning: to('RUNNING'),
    foundSuspended: to('SUSPENDED'),
    foundGone: end,
    interrupted: to('SUSPENDING', 'suspend'),
  },
  SUSPENDED: {
    resume: to('RESUMING', 'resume'),
    request: to('RESUMING', 'resume'),
    terminate: end,
    expired: end,
    suspendedTooLong: end,
    foundRunning: to('RUNNING'),
    foundGone: end,
  },
  RESUMING: {
    // Decision C11: the API still shows SUSPENDED, but answering 200 would lose the wish.
    suspend: busy,
    terminate: end,
    expired: end,
    resumed: to('RUNNING'),
    // Decision L5: a resume hook that fails ends the MicroVM.
    failed: end,
    exited: end,
    foundRunning: to('RUNNING'),
    foundSuspended: to('SUSPENDED'),
    foundGone: end,
    interrupted: to('RESUMING', 'resume'),
  },
  TERMINATING: {
    // Decision C11
    suspend: busy,
    resume: busy,
    terminated: to('TERMINATED'),
    interrupted: to('TERMINATING', 'terminate'),
  },
  TERMINATED: {
    suspend: ended,
    resume: ended,
  },
};

/** The one place that says what an event does to a MicroVM (spec: lifecycle-and-hooks section 1). */
export function nextMicrovmState(state: MicrovmState, event: MicrovmEvent): MicrovmOutcome {
  return table[state][event] ?? stay;
}

/** RESUMING is SUSPENDED to the outside: AWS has no such state (spec: lifecycle-and-hooks section 1). */
export function apiMicrovmState(state: MicrovmState): ApiMicrovmState {
  return state === 'RESUMING' ? 'SUSPENDED' : state;
}

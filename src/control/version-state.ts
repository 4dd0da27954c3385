import type { VersionState, VersionStatus } from '../store/states.ts';

export type { VersionState, VersionStatus };

/** `activate` and `deactivate` are what an operator asks; `interrupted` is a build that the daemon did not survive. */
export type VersionEvent =
  | 'buildStarted'
  | 'buildSucceeded'
  | 'buildFailed'
  | 'interrupted'
  | 'activate'
  | 'deactivate'
  | 'delete'
  | 'deleted'
  | 'deleteFailed';

export type VersionOutcome =
  | { kind: 'move'; to: VersionState; status: VersionStatus }
  | { kind: 'stay' }
  /** There is no snapshot to run, or something else is under way. */
  | { kind: 'refuse'; because: 'notSuccessful' | 'busy' };

const stay: VersionOutcome = { kind: 'stay' };
const busy: VersionOutcome = { kind: 'refuse', because: 'busy' };
// Decision C21: a version without a snapshot cannot be made ACTIVE.
const notSuccessful: VersionOutcome = { kind: 'refuse', because: 'notSuccessful' };
const to = (state: VersionState, status: VersionStatus): VersionOutcome => ({
  kind: 'move',
  to: state,
  status,
});

const table: Record<VersionState, Partial<Record<VersionEvent, VersionOutcome>>> = {
  PENDING: {
    buildStarted: to('IN_PROGRESS', 'INACTIVE'),
    buildFailed: to('FAILED', 'INACTIVE'),
    ...{ activate: busy, deactivate: busy, delete: busy },
  },
  IN_PROGRESS: {
    buildSucceeded: to('SUCCESSFUL', 'ACTIVE'),
    buildFailed: to('FAILED', 'INACTIVE'),
    interrupted: to('PENDING', 'INACTIVE'),
    ...{ activate: busy, deactivate: busy, delete: busy },
  },
  SUCCESSFUL: {
    activate: to('SUCCESSFUL', 'ACTIVE'),
    deactivate: to('SUCCESSFUL', 'INACTIVE'),
    delete: to('DELETING', 'INACTIVE'),
  },
  FAILED: { activate: notSuccessful, delete: to('DELETING', 'INACTIVE') },
  DELETING: {
    ...{ activate: busy, deactivate: busy, delete: busy },
    deleted: to('DELETED', 'INACTIVE'),
    deleteFailed: to('DELETE_FAILED', 'INACTIVE'),
  },
  DELETE_FAILED: { activate: notSuccessful, delete: to('DELETING', 'INACTIVE') },
  DELETED: {},
};

/** The one place that says what an event does to an image version (spec: lifecycle-and-hooks section 6). */
export function nextVersionState(state: VersionState, event: VersionEvent): VersionOutcome {
  return table[state][event] ?? stay;
}

import type { ImageState } from '../store/states.ts';

export type { ImageState };

/** What can happen to an image; `build…`, `versionDelete…` and `delete…` ends are reported by the work behind it. */
export type ImageEvent =
  | 'update'
  | 'patchVersion'
  | 'deleteVersion'
  | 'delete'
  | 'buildSucceeded'
  | 'buildFailed'
  | 'versionDeleted'
  | 'versionDeleteFailed'
  | 'deleted'
  | 'deleteFailed';

export type ImageOutcome =
  | { kind: 'move'; to: ImageState }
  | { kind: 'stay' }
  /** `busy` is a conflict (409); `state` is AWS's "cannot delete in its current state" (400). */
  | { kind: 'refuse'; because: 'busy' | 'state' };

const stay: ImageOutcome = { kind: 'stay' };
const busy: ImageOutcome = { kind: 'refuse', because: 'busy' };
const undeletable: ImageOutcome = { kind: 'refuse', because: 'state' };
const to = (state: ImageState): ImageOutcome => ({ kind: 'move', to: state });

/** What an image at rest takes. */
const atRest: Partial<Record<ImageEvent, ImageOutcome>> = {
  update: to('UPDATING'),
  deleteVersion: to('UPDATING'),
  delete: to('DELETING'),
};

const table: Record<ImageState, Partial<Record<ImageEvent, ImageOutcome>>> = {
  CREATING: {
    ...{ update: busy, patchVersion: busy, deleteVersion: busy, delete: undeletable },
    buildSucceeded: to('CREATED'),
    buildFailed: to('CREATE_FAILED'),
  },
  CREATED: atRest,
  CREATE_FAILED: atRest,
  UPDATING: {
    ...{ update: busy, patchVersion: busy, deleteVersion: busy, delete: undeletable },
    buildSucceeded: to('UPDATED'),
    buildFailed: to('UPDATE_FAILED'),
    versionDeleted: to('UPDATED'),
    versionDeleteFailed: to('UPDATE_FAILED'),
  },
  UPDATED: atRest,
  UPDATE_FAILED: atRest,
  DELETING: {
    ...{ update: busy, patchVersion: busy, deleteVersion: busy },
    // Decision C24: a delete that is repeated while it drains succeeds.
    delete: stay,
    deleted: to('DELETED'),
    deleteFailed: to('DELETE_FAILED'),
  },
  DELETE_FAILED: { update: busy, patchVersion: busy, deleteVersion: busy, delete: to('DELETING') },
  DELETED: {},
};

/** The one place that says what an event does to an image (spec: lifecycle-and-hooks section 6). */
export function nextImageState(state: ImageState, event: ImageEvent): ImageOutcome {
  return table[state][event] ?? stay;
}

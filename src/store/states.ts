/** States as they are stored; the rules for moving between them are in `src/control/*-state.ts`. */

/** The API's states of a MicroVM, and `RESUMING`, which the API shows as `SUSPENDED`. */
export type MicrovmState =
  | 'PENDING'
  | 'RUNNING'
  | 'SUSPENDING'
  | 'SUSPENDED'
  | 'RESUMING'
  | 'TERMINATING'
  | 'TERMINATED';

export type ImageState =
  | 'CREATING'
  | 'CREATED'
  | 'CREATE_FAILED'
  | 'UPDATING'
  | 'UPDATED'
  | 'UPDATE_FAILED'
  | 'DELETING'
  | 'DELETE_FAILED'
  | 'DELETED';

export type VersionState =
  | 'PENDING'
  | 'IN_PROGRESS'
  | 'SUCCESSFUL'
  | 'FAILED'
  | 'DELETING'
  | 'DELETED'
  | 'DELETE_FAILED';

/** Whether an operator lets a version be run. Independent of its state, except that only SUCCESSFUL is ever ACTIVE. */
export type VersionStatus = 'ACTIVE' | 'INACTIVE';

export type BuildState = 'PENDING' | 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED';

export type ConnectorState = 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'FAILED' | 'DELETING' | 'DELETE_FAILED';

/** How many are in a state. */
export interface StateCount<State> {
  state: State;
  n: number;
}

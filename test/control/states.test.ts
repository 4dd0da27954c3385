import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BuildEvent, type BuildState, nextBuildState } from '../../src/control/build-state.ts';
import { type ImageEvent, type ImageState, nextImageState } from '../../src/control/image-state.ts';
import {
  apiMicrovmState,
  type MicrovmEvent,
  type MicrovmState,
  nextMicrovmState,
} from '../../src/control/microvm-state.ts';
import {
  nextVersionState,
  type VersionEvent,
  type VersionState,
  type VersionStatus,
} from '../../src/control/version-state.ts';

type Outcome =
  | { kind: 'move'; to: string; action?: string; status?: VersionStatus }
  | { kind: 'stay' }
  | { kind: 'refuse'; because: string };

/** `RUNNING`, `SUSPENDING!suspend` (with an action), `SUCCESSFUL/ACTIVE`, `-` (stay), `no:busy` (refused). */
function written(outcome: Outcome): string {
  if (outcome.kind === 'stay') return '-';
  if (outcome.kind === 'refuse') return `no:${outcome.because}`;
  return (
    outcome.to + (outcome.action ? `!${outcome.action}` : '') + (outcome.status ? `/${outcome.status}` : '')
  );
}

/** Reads a matrix: first line the columns (states), every other line an event and what it does in each. */
function matrix(text: string): { state: string; event: string; expected: string }[] {
  const [states = [], ...lines] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return lines.flatMap(([event = '', ...cells]) => {
    assert.equal(cells.length, states.length, `line ${event}`);
    return cells.map((expected, column) => ({ state: states[column]!, event, expected }));
  });
}

/** Short for the end of a MicroVM. */
const T = 'TERMINATING!terminate';

describe('every state and every event', () => {
  const microvm = matrix(`
                     PENDING        RUNNING             SUSPENDING          SUSPENDED       RESUMING        TERMINATING  TERMINATED
    suspend          no:busy        SUSPENDING!suspend  -                   -               no:busy         no:busy      no:terminated
    resume           no:busy        -                   no:busy             RESUMING!resume -               no:busy      no:terminated
    terminate        T              T                   T                   T               T               -            -
    request          -              -                   -                   RESUMING!resume -               -            -
    idle             -              SUSPENDING!suspend  -                   -               -               -            -
    suspendedTooLong -              T                   -                   T               -               -            -
    expired          T              T                   T                   T               T               -            -
    started          RUNNING        -                   -                   -               -               -            -
    suspended        -              -                   SUSPENDED           -               -               -            -
    resumed          -              -                   -                   -               RUNNING         -            -
    terminated       -              -                   -                   -               -               TERMINATED   -
    failed           T              T                   T                   -               T               -            -
    exited           T              T                   T                   -               T               -            -
    foundRunning     -              -                   RUNNING             RUNNING         RUNNING         -            -
    foundSuspended   -              SUSPENDED           SUSPENDED           -               SUSPENDED       -            -
    foundGone        -              T                   T                   T               T               -            -
    interrupted      PENDING!start  -                   SUSPENDING!suspend  -               RESUMING!resume T            -
  `);
  for (const { state, event, expected } of microvm) {
    test(`MicroVM ${state}: ${event}`, () => {
      const outcome = nextMicrovmState(state as MicrovmState, event as MicrovmEvent);
      assert.equal(written(outcome), expected === 'T' ? T : expected);
    });
  }

  const image = matrix(`
                        CREATING       CREATED   CREATE_FAILED UPDATING       UPDATED   UPDATE_FAILED DELETING      DELETE_FAILED DELETED
    update              no:busy        UPDATING  UPDATING      no:busy        UPDATING  UPDATING      no:busy       no:busy       -
    patchVersion        no:busy        -         -             no:busy        -         -             no:busy       no:busy       -
    deleteVersion       no:busy        UPDATING  UPDATING      no:busy        UPDATING  UPDATING      no:busy       no:busy       -
    delete              no:state       DELETING  DELETING      no:state       DELETING  DELETING      -             DELETING      -
    buildSucceeded      CREATED        -         -             UPDATED        -         -             -             -             -
    buildFailed         CREATE_FAILED  -         -             UPDATE_FAILED  -         -             -             -             -
    versionDeleted      -              -         -             UPDATED        -         -             -             -             -
    versionDeleteFailed -              -         -             UPDATE_FAILED  -         -             -             -             -
    deleted             -              -         -             -              -         -             DELETED       -             -
    deleteFailed        -              -         -             -              -         -             DELETE_FAILED -             -
  `);
  for (const { state, event, expected } of image) {
    test(`image ${state}: ${event}`, () => {
      assert.equal(written(nextImageState(state as ImageState, event as ImageEvent)), expected);
    });
  }

  const version = matrix(`
                   PENDING              IN_PROGRESS       SUCCESSFUL          FAILED            DELETING               DELETE_FAILED     DELETED
    buildStarted   IN_PROGRESS/INACTIVE -                 -                   -                 -                      -                 -
    buildSucceeded -                    SUCCESSFUL/ACTIVE -                   -                 -                      -                 -
    buildFailed    FAILED/INACTIVE      FAILED/INACTIVE   -                   -                 -                      -                 -
    interrupted    -                    PENDING/INACTIVE  -                   -                 -                      -                 -
    activate       no:busy              no:busy           SUCCESSFUL/ACTIVE   no:notSuccessful  no:busy                no:notSuccessful  -
    deactivate     no:busy              no:busy           SUCCESSFUL/INACTIVE -                 no:busy                -                 -
    delete         no:busy              no:busy           DELETING/INACTIVE   DELETING/INACTIVE no:busy                DELETING/INACTIVE -
    deleted        -                    -                 -                   -                 DELETED/INACTIVE       -                 -
    deleteFailed   -                    -                 -                   -                 DELETE_FAILED/INACTIVE -                 -
  `);
  for (const { state, event, expected } of version) {
    test(`version ${state}: ${event}`, () => {
      assert.equal(written(nextVersionState(state as VersionState, event as VersionEvent)), expected);
    });
  }

  const build = matrix(`
                PENDING     IN_PROGRESS SUCCESSFUL FAILED
    start       IN_PROGRESS -           -          -
    succeeded   -           SUCCESSFUL  -          -
    failed      FAILED      FAILED      -          -
    interrupted -           PENDING     -          -
  `);
  for (const { state, event, expected } of build) {
    test(`build ${state}: ${event}`, () => {
      assert.equal(written(nextBuildState(state as BuildState, event as BuildEvent)), expected);
    });
  }
});

test('the API knows no state of resuming', () => {
  assert.equal(apiMicrovmState('RESUMING'), 'SUSPENDED');
  assert.equal(apiMicrovmState('SUSPENDING'), 'SUSPENDING');
});

test('only TERMINATED is the end, and everything can get there', () => {
  const reached = new Set<MicrovmState>(['PENDING']);
  for (const state of reached) {
    const to = nextMicrovmState(state, 'terminate');
    if (state !== 'TERMINATED' && state !== 'TERMINATING') assert.equal(written(to), T);
    for (const event of ['started', 'suspend', 'suspended', 'resume', 'terminate', 'terminated'] as const) {
      const next = nextMicrovmState(state, event);
      if (next.kind === 'move') reached.add(next.to);
    }
  }
  assert.equal(reached.size, 7);
});

import type { BuildState } from '../store/states.ts';

export type { BuildState };

/** `interrupted`: the daemon ended while the build ran; it begins again, because the request was acknowledged. */
export type BuildEvent = 'start' | 'succeeded' | 'failed' | 'interrupted';

export type BuildOutcome = { kind: 'move'; to: BuildState } | { kind: 'stay' };

const table: Record<BuildState, Partial<Record<BuildEvent, BuildState>>> = {
  PENDING: { start: 'IN_PROGRESS', failed: 'FAILED' },
  IN_PROGRESS: { succeeded: 'SUCCESSFUL', failed: 'FAILED', interrupted: 'PENDING' },
  SUCCESSFUL: {},
  FAILED: {},
};

/** The one place that says what an event does to a build (spec: lifecycle-and-hooks section 6). */
export function nextBuildState(state: BuildState, event: BuildEvent): BuildOutcome {
  const next = table[state][event];
  return next === undefined ? { kind: 'stay' } : { kind: 'move', to: next };
}

import type { BuildRow } from '../../store/builds.ts';
import type { ImageRow } from '../../store/images.ts';
import type { Store } from '../../store/store.ts';
import type { VersionRow } from '../../store/versions.ts';
import { type BuildEvent, nextBuildState } from '../build-state.ts';
import { remember } from '../history.ts';
import type { SnapshotBuild } from '../host.ts';
import { type ImageEvent, type ImageOutcome, nextImageState } from '../image-state.ts';
import { nextVersionState, type VersionEvent, type VersionOutcome } from '../version-state.ts';

/** When and why something changes: epoch milliseconds, and a sentence for the history. */
export interface Occasion {
  at: number;
  reason: string;
}

/** Name of a version in the history. */
export const versionSubject = (imageId: string, number: number) => `${imageId}/${number}`;

/** Moves an image as its state machine says; call it inside a transaction. */
export function moveImage(
  store: Store,
  image: ImageRow,
  event: ImageEvent,
  occasion: Occasion,
): ImageOutcome {
  const outcome = nextImageState(image.state, event);
  if (outcome.kind !== 'move') return outcome;
  const change = { from: image.state, to: outcome.to, ...occasion };
  store.images.update(image.id, {
    state: outcome.to,
    lastNumber: image.lastNumber,
    updatedAt: occasion.at,
  });
  remember(store, { kind: 'image', id: image.id }, change);
  Object.assign(image, { state: outcome.to, updatedAt: occasion.at });
  return outcome;
}

/** Moves a version as its state machine says; call it inside a transaction. */
export function moveVersion(
  store: Store,
  version: VersionRow,
  event: VersionEvent,
  occasion: Occasion,
): VersionOutcome {
  const outcome = nextVersionState(version.state, event);
  if (outcome.kind !== 'move') return outcome;
  // Decision C20: a status that is already set changes nothing.
  if (outcome.to === version.state && outcome.status === version.status) return { kind: 'stay' };
  const name = (state: string, status: string) => `${state}/${status}`;
  const change = { from: name(version.state, version.status), to: name(outcome.to, outcome.status) };
  Object.assign(version, { state: outcome.to, status: outcome.status, updatedAt: occasion.at });
  // Also the version tells why it failed; AWS leaves that to the build alone.
  if (outcome.to === 'FAILED' || outcome.to === 'DELETE_FAILED') version.stateReason = occasion.reason;
  store.versions.update(version);
  const subject = { kind: 'version', id: versionSubject(version.imageId, version.number) } as const;
  remember(store, subject, { ...change, ...occasion });
  return outcome;
}

/** Moves a build as its state machine says; call it inside a transaction. */
export function moveBuild(
  store: Store,
  build: BuildRow,
  event: BuildEvent,
  occasion: Occasion,
  result: { stateReason?: string; snapshotBuild?: SnapshotBuild | undefined; microvmId?: string } = {},
): void {
  const outcome = nextBuildState(build.state, event);
  if (outcome.kind !== 'move') return;
  const change = { from: build.state, to: outcome.to, ...occasion };
  Object.assign(build, {
    state: outcome.to,
    stateReason: result.stateReason ?? null,
    microvmId: result.microvmId ?? build.microvmId,
    memorySnapshotSizeInBytes: result.snapshotBuild?.memorySnapshotSizeInBytes ?? null,
    codeInstallSizeInBytes: result.snapshotBuild?.codeInstallSizeInBytes ?? null,
    diskSnapshotSizeInBytes: result.snapshotBuild?.diskSnapshotSizeInBytes ?? null,
  });
  store.builds.update(build);
  remember(store, { kind: 'build', id: build.id }, change);
}

import type { Operation } from '../context.ts';
import { imageBusy, versionBusy, versionNotSuccessful } from '../errors.ts';
import { nextImageState } from '../image-state.ts';
import { findVersion } from './find-image.ts';
import { moveVersion } from './image-records.ts';
import { versionView } from './version-view.ts';

/** UpdateMicrovmImageVersion: lets a version be run, or not. */
export const updateVersion: Operation<'UpdateMicrovmImageVersion'> = (context, input, caller) => {
  const { store, clock } = context;
  const { image, version } = findVersion(store, caller, input.imageIdentifier, input.imageVersion);
  if (nextImageState(image.state, 'patchVersion').kind === 'refuse') throw imageBusy(image.state);
  const event = input.status === 'ACTIVE' ? 'activate' : 'deactivate';
  const occasion = { at: clock.now(), reason: `UpdateMicrovmImageVersion was called by ${caller.arn}.` };
  const outcome = store.transaction(() => moveVersion(store, version, event, occasion));
  if (outcome.kind === 'refuse') {
    throw outcome.because === 'busy'
      ? versionBusy(input.imageVersion, version.state)
      : versionNotSuccessful(input.imageVersion);
  }
  return versionView(image, version);
};

import { versionName } from '../arns.ts';
import type { Operation } from '../context.ts';
import { imageBusy, lastVersion, versionInUse } from '../errors.ts';
import { nextImageState } from '../image-state.ts';
import { findVersion } from './find-image.ts';
import { moveImage, moveVersion } from './image-records.ts';

/** DeleteMicrovmImageVersion: answers DELETING; the image is UPDATING until the files are gone. */
export const deleteVersion: Operation<'DeleteMicrovmImageVersion'> = (context, input, caller) => {
  const { store, clock, deletions } = context;
  const { image, version } = findVersion(store, caller, input.imageIdentifier, input.imageVersion);
  const { number } = version;
  // An image that is being created has only one version, and AWS says so rather than that it is busy.
  const mayBeLast = image.state !== 'UPDATING' && image.state !== 'DELETING';
  if (mayBeLast && store.versions.count(image.id) === 1) throw lastVersion();
  if (nextImageState(image.state, 'deleteVersion').kind === 'refuse') throw imageBusy(image.state);
  // Decision C22: a version that MicroVMs need stays.
  if (store.microvms.countAliveOfVersion(image.id, number) > 0) throw versionInUse();
  const occasion = { at: clock.now(), reason: `DeleteMicrovmImageVersion was called by ${caller.arn}.` };
  store.transaction(() => {
    moveImage(store, image, 'deleteVersion', occasion);
    moveVersion(store, version, 'delete', occasion);
  });
  deletions.deleteVersion(image.id, number);
  return { imageIdentifier: image.arn, imageVersion: versionName(number), state: 'DELETING' };
};

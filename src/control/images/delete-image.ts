import type { Operation } from '../context.ts';
import { imageInUse, imageUndeletable } from '../errors.ts';
import { nextImageState } from '../image-state.ts';
import { findImage } from './find-image.ts';
import { moveImage } from './image-records.ts';

/** DeleteMicrovmImage: answers DELETING; the name stays taken until files and records are gone. */
export const deleteImage: Operation<'DeleteMicrovmImage'> = (context, { imageIdentifier }, caller) => {
  const { store, clock, deletions } = context;
  const image = findImage(store, caller, imageIdentifier);
  const outcome = nextImageState(image.state, 'delete');
  if (outcome.kind === 'refuse') throw imageUndeletable(image.arn);
  if (outcome.kind === 'move') {
    // Decision C23: everything that has not ended needs the snapshot, SUSPENDED MicroVMs too.
    if (store.microvms.countAliveOfImage(image.id) > 0) throw imageInUse();
    const occasion = { at: clock.now(), reason: `DeleteMicrovmImage was called by ${caller.arn}.` };
    store.transaction(() => moveImage(store, image, 'delete', occasion));
    deletions.deleteImage(image.id);
  }
  return { imageIdentifier: image.arn, state: 'DELETING' };
};

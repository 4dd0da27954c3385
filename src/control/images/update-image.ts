import type { Caller } from '../../aws/caller.ts';
import type {
  UpdateMicrovmImageRequest,
  UpdateMicrovmImageResponse,
} from '../../aws/models/lambda-microvms.ts';
import type { Context, Operation } from '../context.ts';
import { imageBusy } from '../errors.ts';
import { once } from '../idempotency.ts';
import { findImage } from './find-image.ts';
import { moveImage } from './image-records.ts';
import { imageWithVersion } from './image-view.ts';
import { recordVersion } from './new-version.ts';
import { versionSettings } from './version-settings.ts';

/** UpdateMicrovmImage: every call makes the next version, also when nothing changed; the build runs afterwards. */
export const updateImage: Operation<'UpdateMicrovmImage'> = (context, input, caller) => {
  const request = { token: input.clientToken, input };
  const moment = { store: context.store, now: context.clock.now() };
  const { answer, fresh } = once(moment, caller, 'UpdateMicrovmImage', request, () =>
    record(context, input, caller, moment.now),
  );
  if (fresh) context.builds.wake();
  return answer;
};

function record(
  context: Context,
  input: UpdateMicrovmImageRequest,
  caller: Caller,
  now: number,
): UpdateMicrovmImageResponse {
  const { store } = context;
  const image = findImage(store, caller, input.imageIdentifier);
  const settings = versionSettings(store, caller, input);
  const occasion = { at: now, reason: `UpdateMicrovmImage was called by ${caller.arn}.` };
  const number = image.lastNumber + 1;
  const outcome = moveImage(store, { ...image, lastNumber: number }, 'update', occasion);
  if (outcome.kind === 'refuse') throw imageBusy(image.state);
  recordVersion(context, image.id, number, settings, occasion);
  return imageWithVersion(store.images.byId(image.id)!, settings);
}

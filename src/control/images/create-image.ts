import type { Caller } from '../../aws/caller.ts';
import type {
  CreateMicrovmImageRequest,
  CreateMicrovmImageResponse,
} from '../../aws/models/lambda-microvms.ts';
import { imageArn } from '../arns.ts';
import type { Context, Operation } from '../context.ts';
import { imageNameTaken, imageQuota } from '../errors.ts';
import { remember } from '../history.ts';
import { once } from '../idempotency.ts';
import { checkTags } from '../tags/check-tags.ts';
import { imageWithVersion } from './image-view.ts';
import { recordVersion } from './new-version.ts';
import { versionSettings } from './version-settings.ts';

/** CreateMicrovmImage: records image, version 1.0 and its build, and answers; the build runs afterwards. */
export const createImage: Operation<'CreateMicrovmImage'> = (context, input, caller) => {
  const request = { token: input.clientToken, input };
  const moment = { store: context.store, now: context.clock.now() };
  const { answer, fresh } = once(moment, caller, 'CreateMicrovmImage', request, () =>
    record(context, input, caller, moment.now),
  );
  if (fresh) context.builds.wake();
  return answer;
};

function record(
  context: Context,
  input: CreateMicrovmImageRequest,
  caller: Caller,
  now: number,
): CreateMicrovmImageResponse {
  const { store, random, config } = context;
  const settings = versionSettings(store, caller, input);
  checkTags(input.tags ?? {});
  // Also an image that is DELETING keeps its name, and so do its files.
  if (store.images.byName(input.name) !== undefined) throw imageNameTaken(input.name);
  const { accountId: account, region } = caller;
  if (store.images.count(account, region) >= config.quotas.images) throw imageQuota(config.quotas.images);

  const image = { id: random.uuid(), arn: imageArn(caller, input.name), account, region, name: input.name };
  // Decision C25: updatedAt is set from the start.
  store.images.insert({ ...image, state: 'CREATING', lastNumber: 1, createdAt: now, updatedAt: now });
  store.tags.put(image.arn, input.tags ?? {});
  const occasion = { at: now, reason: `CreateMicrovmImage was called by ${caller.arn}.` };
  remember(store, { kind: 'image', id: image.id }, { from: null, to: 'CREATING', ...occasion });
  recordVersion(context, image.id, 1, settings, occasion);
  return { ...imageWithVersion(store.images.byId(image.id)!, settings), tags: input.tags };
}

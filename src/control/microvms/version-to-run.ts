import type { Caller } from '../../aws/caller.ts';
import type { ImageRow } from '../../store/images.ts';
import type { ImageState } from '../../store/states.ts';
import type { Store } from '../../store/store.ts';
import type { VersionRow } from '../../store/versions.ts';
import { checkImageArn, versionNumber } from '../arns.ts';
import { malformedArn, noActiveVersion } from '../errors.ts';

/**
 * Decision C8: while an image is UPDATING its ACTIVE version runs on.
 * Decision C9: after a failed update too.
 */
const closed: readonly ImageState[] = ['DELETING', 'DELETE_FAILED', 'DELETED'];

/**
 * The version that RunMicrovm takes: the one named, if it is ACTIVE, else the newest ACTIVE one.
 * Decision C10: a managed image has no container and so nothing to run.
 * @throws ServiceError 400 for what is no ARN, 404 when there is nothing to run.
 */
export function versionToRun(
  store: Store,
  caller: Caller,
  identifier: string,
  pinned: string | undefined,
): { image: ImageRow; version: VersionRow } {
  if (!identifier.startsWith('arn:')) throw malformedArn();
  checkImageArn(identifier, caller);
  const image = store.images.byArn(identifier);
  const own = image?.account === caller.accountId && image.region === caller.region;
  if (image === undefined || !own || closed.includes(image.state)) throw noActiveVersion(identifier, pinned);
  const version =
    pinned === undefined ? store.versions.latestActive(image.id) : named(store, image.id, pinned);
  if (version?.status !== 'ACTIVE') throw noActiveVersion(identifier, pinned);
  return { image, version };
}

function named(store: Store, imageId: string, version: string): VersionRow | undefined {
  const number = versionNumber(version);
  return number === undefined ? undefined : store.versions.get(imageId, number);
}

import type { Caller } from '../../aws/caller.ts';
import type { ImageRow } from '../../store/images.ts';
import type { Store } from '../../store/store.ts';
import type { VersionRow } from '../../store/versions.ts';
import { checkImageArn, versionNumber } from '../arns.ts';
import { imageNotFound, versionNotFound } from '../errors.ts';

/**
 * The caller's image with that ARN.
 * @throws ServiceError 400 for what is no image ARN, 404 when there is no such image.
 */
export function findImage(store: Store, caller: Caller, identifier: string): ImageRow {
  checkImageArn(identifier, caller);
  const image = store.images.byArn(identifier);
  if (image?.account !== caller.accountId || image.region !== caller.region) throw imageNotFound(identifier);
  return image;
}

/** The caller's image version; `2` and `2.0` name the same one. */
export function findVersion(
  store: Store,
  caller: Caller,
  identifier: string,
  version: string,
): { image: ImageRow; version: VersionRow } {
  const image = findImage(store, caller, identifier);
  const number = versionNumber(version);
  const found = number === undefined ? undefined : store.versions.get(image.id, number);
  if (found === undefined) throw versionNotFound(identifier, version);
  return { image, version: found };
}

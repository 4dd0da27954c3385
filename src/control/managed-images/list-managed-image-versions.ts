import { checkImageArn } from '../arns.ts';
import type { Operation } from '../context.ts';
import { imageNotFound } from '../errors.ts';
import { findManagedImage } from '../managed-images.ts';
import { nextToken, pageRequest } from '../paging.ts';

/** ListManagedMicrovmImageVersions: newest first. */
export const listManagedImageVersions: Operation<'ListManagedMicrovmImageVersions'> = (
  _context,
  input,
  caller,
) => {
  const { imageIdentifier: imageArn } = input;
  checkImageArn(imageArn, caller);
  const image = findManagedImage(caller.region, imageArn);
  if (image === undefined) throw imageNotFound(imageArn);
  const list = `managed versions ${image.name}`;
  const { limit, before = 0 } = pageRequest(list, input.maxResults, input.nextToken);
  const end = before + limit;
  const items = image.versions
    .slice(before, end)
    .map(({ version, createdAt }) => ({ imageArn, imageVersion: version, createdAt, updatedAt: createdAt }));
  return { items, nextToken: nextToken(list, end < image.versions.length, end) };
};

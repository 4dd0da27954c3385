import { managedImageArn } from '../arns.ts';
import type { Operation } from '../context.ts';
import { managedImages } from '../managed-images.ts';
import { nextToken, pageRequest } from '../paging.ts';

/** ListManagedMicrovmImages */
export const listManagedImages: Operation<'ListManagedMicrovmImages'> = (_context, input, caller) => {
  const { limit, before = 0 } = pageRequest('managed images', input.maxResults, input.nextToken);
  const end = before + limit;
  const items = managedImages.slice(before, end).map(({ name, createdAt, updatedAt }) => ({
    imageArn: managedImageArn(caller.region, name),
    createdAt,
    updatedAt,
  }));
  return { items, nextToken: nextToken('managed images', end < managedImages.length, end) };
};

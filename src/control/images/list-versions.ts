import type { Operation } from '../context.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { findImage } from './find-image.ts';
import { versionView } from './version-view.ts';

/** ListMicrovmImageVersions: newest first. */
export const listVersions: Operation<'ListMicrovmImageVersions'> = ({ store }, input, caller) => {
  const image = findImage(store, caller, input.imageIdentifier);
  const list = `versions ${image.id}`;
  const { rows, more } = store.versions.page(image.id, pageRequest(list, input.maxResults, input.nextToken));
  return {
    items: rows.map((version) => versionView(image, version)),
    nextToken: nextToken(list, more, rows.at(-1)?.number),
  };
};

import type { Operation } from '../context.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { imageSummary } from './image-view.ts';

/** ListMicrovmImages: newest first; the filter works on what the page holds (spec: control-plane 1.4). */
export const listImages: Operation<'ListMicrovmImages'> = ({ store }, input, caller) => {
  const request = pageRequest('images', input.maxResults, input.nextToken);
  const { rows, more } = store.images.page(caller.accountId, caller.region, request);
  const { nameFilter } = input;
  const wanted = nameFilter === undefined ? rows : rows.filter(({ name }) => name.includes(nameFilter));
  return { items: wanted.map(imageSummary), nextToken: nextToken('images', more, rows.at(-1)?.seq) };
};

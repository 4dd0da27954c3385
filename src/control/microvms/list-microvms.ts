import { checkImageArn, versionName, versionNumber } from '../arns.ts';
import type { Operation } from '../context.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { microvmItem } from './microvm-view.ts';

/** ListMicrovms: newest first, ended ones included; filters work on what the page holds. */
export const listMicrovms: Operation<'ListMicrovms'> = ({ store }, input, caller) => {
  const { imageIdentifier, imageVersion } = input;
  // Decision C2: a bare name is no filter. Decision C3: an image that does not exist matches nothing.
  if (imageIdentifier !== undefined) checkImageArn(imageIdentifier, caller);
  const request = pageRequest('microvms', input.maxResults, input.nextToken);
  const { rows, more } = store.microvms.page(caller.accountId, caller.region, request);
  const number = imageVersion === undefined ? undefined : versionNumber(imageVersion);
  const version = number === undefined ? imageVersion : versionName(number);
  const items = rows
    .map(microvmItem)
    .filter((item) => imageIdentifier === undefined || item.imageArn === imageIdentifier)
    .filter((item) => version === undefined || item.imageVersion === version);
  return { items, nextToken: nextToken('microvms', more, rows.at(-1)?.seq) };
};

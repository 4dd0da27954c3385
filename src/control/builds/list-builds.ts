import type { Operation } from '../context.ts';
import { findVersion } from '../images/find-image.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { buildSummary } from './build-view.ts';

/** ListMicrovmImageBuilds: newest first; filters work on what the page holds. */
export const listBuilds: Operation<'ListMicrovmImageBuilds'> = ({ store }, input, caller) => {
  const { image, version } = findVersion(store, caller, input.imageIdentifier, input.imageVersion);
  const list = `builds ${image.id} ${version.number}`;
  const request = pageRequest(list, input.maxResults, input.nextToken);
  const { rows, more } = store.builds.page(image.id, version.number, request);
  const { architecture, chipset, chipsetGeneration } = input;
  const items = rows
    .map((build) => buildSummary(image, build))
    .filter((build) => architecture === undefined || build.architecture === architecture)
    .filter((build) => chipset === undefined || build.chipset === chipset)
    .filter((build) => chipsetGeneration === undefined || build.chipsetGeneration === chipsetGeneration);
  return { items, nextToken: nextToken(list, more, rows.at(-1)?.seq) };
};

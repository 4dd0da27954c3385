import type { Operation } from '../context.ts';
import { buildNotFound } from '../errors.ts';
import { findVersion } from '../images/find-image.ts';
import { buildSummary, snapshotView } from './build-view.ts';

/** GetMicrovmImageBuild */
export const getBuild: Operation<'GetMicrovmImageBuild'> = ({ store }, input, caller) => {
  const { imageIdentifier, imageVersion, buildId } = input;
  const { image, version } = findVersion(store, caller, imageIdentifier, imageVersion);
  const build = store.builds.get(buildId);
  if (build?.imageId !== image.id || build.number !== version.number) {
    throw buildNotFound(imageIdentifier, imageVersion, buildId);
  }
  return { ...buildSummary(image, build), snapshotBuild: snapshotView(build) };
};

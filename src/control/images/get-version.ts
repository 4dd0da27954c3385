import type { Operation } from '../context.ts';
import { findVersion } from './find-image.ts';
import { versionView } from './version-view.ts';

/** GetMicrovmImageVersion */
export const getVersion: Operation<'GetMicrovmImageVersion'> = ({ store }, input, caller) => {
  const { image, version } = findVersion(store, caller, input.imageIdentifier, input.imageVersion);
  return versionView(image, version);
};

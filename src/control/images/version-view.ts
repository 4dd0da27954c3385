import type { GetMicrovmImageVersionOutput } from '../../aws/models/lambda-microvms.ts';
import type { ImageRow } from '../../store/images.ts';
import type { VersionRow } from '../../store/versions.ts';
import { versionName } from '../arns.ts';
import type { VersionSettings } from './version-settings.ts';

/** The full document of a version, in lists too. Tags belong to the image and are not shown here, as at AWS. */
export function versionView(image: ImageRow, version: VersionRow): GetMicrovmImageVersionOutput {
  return {
    ...(JSON.parse(version.settings) as VersionSettings),
    imageArn: image.arn,
    imageVersion: versionName(version.number),
    state: version.state,
    status: version.status,
    createdAt: new Date(version.createdAt),
    updatedAt: new Date(version.updatedAt),
    stateReason: version.stateReason ?? undefined,
  };
}
